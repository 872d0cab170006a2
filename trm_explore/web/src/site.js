// The static site's script (web/site.py): tasks, the stage, the recorded runs and the comparisons of each task. What is
// not in the page itself lies beside it as scripts, DATA/NAME.js, each of which calls trmGive(NAME, value): so the site
// works when it is opened from a disk, too. window.trmSite: { tasks, models, kinds, recipes, start: { task, kind, run } }.

import compare from "./compare.js";
import curves from "./curves.js";
import player from "./player.js";
import ribbon from "./ribbon.js";
import stage from "./stage.js";
import tasks from "./tasks.js";
import { h, put } from "./common.js";
import { mount, plainModel } from "./plain.js";

const T = TEXTS.site,
  site = window.trmSite,
  waiting = {};
window.trmGive = (name, value) => waiting[name]?.(value);

// The value of a script beside the page; it stays there for who asks again.
const kept = new Map();
function load(name) {
  if (!kept.has(name))
    kept.set(
      name,
      new Promise((go, fail) => {
        const script = document.createElement("script");
        waiting[name] = go;
        script.onerror = () => {
          kept.delete(name);
          fail(new Error(name));
        };
        script.src = `data/${name}.js`;
        document.head.append(script);
      }),
    );
  return kept.get(name);
}

const model = plainModel({ tasks: site.tasks, models: site.models, plan: site.start.run.plan, message: null }, load),
  said = document.getElementById("measured"),
  problem = document.getElementById("problem");
let { task, kind } = site.start,
  recipe = site.recipes[0].name;

// Buttons of which one is chosen.
function choice(place, items, chosen, act) {
  const nodes = items.map(({ name, title }) => {
    const node = h("button", "", title);
    node.type = "button";
    node.dataset.name = name;
    node.addEventListener("click", () => act(name));
    return node;
  });
  document.getElementById(place).replaceChildren(...nodes);
  return () => nodes.forEach((node) => node.setAttribute("aria-pressed", String(node.dataset.name === chosen())));
}
const markKinds = choice(
    "kinds",
    site.kinds,
    () => kind,
    (name) => show(task, name),
  ),
  markRecipes = choice(
    "recipes",
    site.recipes,
    () => recipe,
    (name) => contrast(name),
  );

// A recorded run: its settings as the ribbon's plan, what it did as a message, the figures in words.
function draw(run) {
  model.set("step", undefined);
  model.set("plan", run.plan);
  model.set("message", run.message);
  put(said, run.text);
  put(problem, "");
  location.replace(`#${task}`);
}
async function show(nextTask, nextKind) {
  [task, kind] = [nextTask, nextKind];
  markKinds();
  const wanted = `${task} ${kind}`;
  try {
    const run = await load(`run-${task}-${kind}`);
    if (wanted === `${task} ${kind}`) draw(run);
  } catch {
    put(problem, T.missing);
  }
  contrast(recipe);
}
async function contrast(name) {
  recipe = name;
  markRecipes();
  const wanted = `${task} ${recipe}`;
  try {
    const group = await load(`group-${task}-${recipe}`);
    if (wanted !== `${task} ${recipe}`) return;
    model.set("guess", null);
    model.set("group", group);
    const runs = group.runs.filter((run) => !run.beside);
    let guess = "";
    const mark = choice(
      "guesses",
      [
        ...runs.map(({ letter, name }) => ({ name: letter, title: `${letter}: ${name}` })),
        { name: "none", title: T.none },
      ],
      () => guess,
      (letter) => {
        guess = letter;
        mark();
        model.set("guess", letter);
      },
    );
    mark();
  } catch {
    put(problem, T.missing);
  }
}

mount(model, { tasks, stage, ribbon, curves, player, compare });
draw(site.start.run);
markKinds();
markRecipes();
model.on("change:picked", () => show(model.get("picked"), "on"));
const linked = site.tasks.find(({ name }) => name === window.trmLinked)?.name;
if (linked && linked !== task) {
  model.set("plan", { ...model.get("plan"), task: linked });
  show(linked, "on");
}
// The comparisons are looked for when somebody comes to them.
new IntersectionObserver((seen, self) => {
  if (!seen.some((one) => one.isIntersecting)) return;
  self.disconnect();
  contrast(recipe);
}).observe(document.getElementById("compare"));
document.body.dataset.ready = "1";
