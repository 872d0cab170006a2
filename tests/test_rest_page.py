"""The page at rest and after what is done on it, in Chromium: it asks for nothing while nobody does anything, and what
it shows is of the last state, on a slow line and after its server was killed."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
import served
from conftest import LARGE
from playwright.sync_api import expect
from served import data, free_port, serve, settled, wait_for

from trm_explore.app.recipes import RECIPES
from trm_explore.app.tours import links
from trm_explore.tasks import GENERATED
from trm_explore.words import page_controls

site, chromium, visit = served.site, served.chromium, served.visit
pytestmark = [pytest.mark.slow, pytest.mark.browser]

REST = 10_000  # ms
BY_HAND = "?tab=compare&recipe=by-hand&runs=1,linear_decay,0.5,auto,3/0,constant,0.5,auto,3"
INSIDE = "?task=sudoku6&tab=inside&puzzle=5&cycles=6"
OWN = "?task=addition&model=off&own=12%2B34&tab=inside"
COMPARE = "?task=reach&tab=compare&recipe=depth"
TOURS = links()
# Every tour, the tasks and recipes that no tour ends on, and some odd links. TRM_EXPLORE_LARGE=1 opens every task on
# every tab and recipe.
QUERIES = [
    *(f"?tour={name}&stop={len(stops) - 1}" for name, stops in TOURS.items()),
    "?task=sudoku4",
    INSIDE,
    "?task=sudoku9&tab=compare&recipe=on-off",
    "?task=maze&schedule=custom&custom=0.2,0.3,1&hide=tours&nonsense=1",
    COMPARE,
    OWN,
    "?task=parity",
    f"{BY_HAND}&task=swirl",
    "?task=poisson",
    *(f"?task={task}&tab=inside" for task in GENERATED if LARGE),
    *(f"?task={task}&tab=compare&recipe={recipe}" for task in GENERATED for recipe in RECIPES if LARGE),
]


def waiting(page) -> str | None:
    """What the page waits for; empty where every answer is there."""
    return page.locator(".gradio-container").get_attribute("data-waiting")


def rests(page) -> None:
    wait_for(page, lambda: waiting(page) == "")


def test_an_untouched_page_asks_for_nothing_on_any_task_tab_link_or_stop_of_a_tour(visit):
    asked, pages = [], {}
    for query in QUERIES:
        page = pages[query] = visit(query, reduced_motion="reduce")
        page.on("request", lambda request, query=query: asked.append((query, urlsplit(request.url).path)))
        if "tour=" in query:  # and the last stop, by hand
            page.locator(".tt-card .tt-next").click()
    last = page
    for page in pages.values():
        rests(page)
    last.wait_for_timeout(REST)
    asked.clear()
    last.wait_for_timeout(REST)
    assert not asked, Counter(asked).most_common(9)
    for query, page in pages.items():  # what the links say is what is shown
        expect(page.locator(".gradio-container")).to_have_attribute("data-waiting", "")
        if "task=" in query:
            task = re.search(r"task=(\w+)", query)[1]
            assert f"task={task}" in page.url or "task=sudoku4" in query, query
    assert data(pages[INSIDE], "inside-thinking", "steps") == "6"
    expect(pages[INSIDE].locator("#inside-number input[type=number]")).to_have_value("5")
    expect(pages[INSIDE].locator("#inside-player")).to_contain_text("held-out puzzle 5")
    expect(pages[OWN].locator("#inside-player")).to_contain_text("your own puzzle")
    assert data(pages[COMPARE], "compare", "group") == "recorded-reach-depth"
    assert {data(page, "tasks", "chosen") for page in pages.values()} == {*GENERATED}
    shown = [*QUERIES, *(stops[-1] for stops in TOURS.values())]
    assert {name for query in shown for name in re.findall("recipe=([a-z-]+)", query)} == {*RECIPES, "by-hand"}


def test_a_guess_can_be_made_on_every_task(visit):
    page = visit("?tab=compare&recipe=on-off", reduced_motion="reduce")
    for task in GENERATED:
        page.locator(f"#tasks [data-task='{task}']").click()
        rests(page)
        assert data(page, "compare", "group") == f"recorded-{task}-on-off"
        guess = page.locator("#guess").get_by_role("radio").first
        guess.check()
        expect(page.locator("#compare")).to_contain_text("You guessed")
        rests(page)
        expect(guess).to_be_checked()


@contextmanager
def slow_line(url, seconds):
    """The address of a line to a server on which everything takes so long, half of it on either way."""
    there, loop, ready = urlsplit(url), asyncio.new_event_loop(), threading.Event()
    found, tasks = [], set()

    async def carry(reader, writer):
        queue, after = asyncio.Queue(), loop.time

        async def deliver():
            while True:
                due, block = await queue.get()
                await asyncio.sleep(max(0, due - after()))
                if not block:
                    break
                writer.write(block)
                await writer.drain()
            writer.close()

        delivery = asyncio.create_task(deliver())
        try:
            with suppress(OSError):
                while block := await reader.read(1 << 16):
                    queue.put_nowait((after() + seconds / 2, block))
            queue.put_nowait((after() + seconds / 2, b""))
            with suppress(OSError):
                await delivery
        finally:
            delivery.cancel()
            await close(writer)

    async def close(writer):
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def join(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            with suppress(OSError):
                up, down = await asyncio.open_connection(there.hostname, there.port)
                await asyncio.gather(carry(reader, down), carry(up, writer))
        finally:
            await close(writer)

    async def listen():
        server = await asyncio.start_server(join, "127.0.0.1", 0)
        found.append(server.sockets[0].getsockname()[1])
        ready.set()
        with suppress(asyncio.CancelledError):
            await stopped.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(listen()))
    thread.start()
    try:
        assert ready.wait(20)
        yield f"http://127.0.0.1:{found[0]}/"
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(20)
        loop.close()


def can_be_pressed(page, name):
    return page.locator(f"#{name}").is_enabled()


@pytest.mark.parametrize("seconds", [0, 0.15, 1])
def test_what_is_shown_is_of_the_last_state_however_slow_the_line(site, chromium, seconds):
    with slow_line(site, seconds) as url:
        context = chromium.new_context(reduced_motion="reduce")
        page = context.new_page()
        page.goto(f"{url}?updates=4&step=1")
        settled(page)
        rests(page)
        # A run ends: Train can be pressed again, Pause and Stop cannot.
        page.locator("#train").click()
        wait_for(page, lambda: data(page, "ribbon", "state") == "finished")
        wait_for(page, lambda: can_be_pressed(page, "train"))
        assert not can_be_pressed(page, "pause") and not can_be_pressed(page, "stop") and can_be_pressed(page, "one")
        expect(page.locator("#ribbon")).to_contain_text("4 updates")
        # One thing after the other, none awaited: what comes last counts, and what is old is shown as old.
        cards = page.locator("#tasks")
        page.evaluate("document.querySelector('.gradio-container').dataset.waiting = 'settings_pick settings'")
        page.wait_for_function("() => Number(getComputedStyle(document.querySelector('#ribbon')).opacity) < 0.5")
        cards.locator("[data-task='maze']").click()
        assert "settings_pick" in (waiting(page) or "") or seconds == 0
        cards.locator("[data-task='parity']").click()
        page.locator("#pair").get_by_role("radio").nth(1).click()
        page.locator("#H_cycles input[type=number]").fill("5")
        rests(page)
        assert data(page, "tasks", "chosen") == "parity" and data(page, "ribbon", "run") == "recorded-parity-off"
        controls = page.locator("#H_cycles input[type=number]").input_value()
        wait_for(page, lambda: int(data(page, "ribbon", "steps")) >= int(controls))
        assert (
            page.evaluate("trmStore.get('step') ?? null") is None
        )  # the step that was chosen on another task has gone
        wait_for(page, lambda: "task=parity" in page.url and "step=" not in page.url)
        # Look inside: another task is shown as old until its own puzzle is there.
        page.get_by_role("tab", name=page_controls.TAB_INSIDE).click()
        rests(page)
        before = data(page, "inside-player", "run")
        cards.locator("[data-task='sorting']").click()
        assert re.search("settings_pick|inside", waiting(page) or "")
        rests(page)
        assert data(page, "inside-player", "run") != before
        context.close()


def test_a_page_whose_server_was_killed_says_so_and_goes_on_when_it_is_back(chromium):
    port = free_port()
    context = chromium.new_context(reduced_motion="reduce")
    page, idle = context.new_page(), context.new_page()
    with serve(port) as (url, server):
        for one in (page, idle):
            one.goto(f"{url}/?updates=20000")
            settled(one)
            rests(one)
        page.locator("#train").click()
        wait_for(page, lambda: data(page, "ribbon", "state") == "running")
        wait_for(page, lambda: not can_be_pressed(page, "train"))
        server.kill()
    expect(page.locator("#ribbon .tr-status")).to_contain_text("The connection to the server is lost", timeout=60_000)
    assert data(page, "ribbon", "lost") == "server"
    with serve(port):
        expect(page.locator("#share")).to_contain_text("The run of this tab is gone", timeout=60_000)
        rests(page)
        assert can_be_pressed(page, "train") and data(page, "ribbon", "run").startswith("recorded-")
        for one in (page, idle):  # both work as ever
            one.locator("#updates input").fill("2") if one.locator("#updates input").is_visible() else None
            one.locator("#train").click()
            wait_for(one, lambda one=one: data(one, "ribbon", "state") == "running")
            one.locator("#stop").click()
            wait_for(one, lambda one=one: data(one, "ribbon", "state") == "stopped")
            expect(one.locator("#train")).to_be_enabled()
    context.close()


def test_a_run_that_its_server_has_forgotten_is_said_to_be_gone(visit):
    page = visit("?updates=20000", reduced_motion="reduce")
    page.route("**/alive/**", lambda route: route.fulfill(json={"alive": False}))
    page.locator("#one").click()  # a run that waits for its next update: nothing comes of it
    wait_for(page, lambda: data(page, "ribbon", "state") == "paused")
    expect(page.locator("#ribbon .tr-status")).to_contain_text("This run is gone")
    expect(page.locator("#train")).to_be_enabled()
    assert page.evaluate("() => sessionStorage.getItem('trm-run')") is None
