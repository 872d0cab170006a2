"""Every word of the page and its drawings, by who says it, and how numbers are written in words.

page_controls.py the page and its tab Train; compare_tab.py, inside_tab.py, tour_stops.py, report_page.py those parts;
drawings.py the modules of web/; arguments.py the endpoints; run_notes.py what is said of a run; findings.py and
measurements.py what was found and measured; refusals.py what the page, its links and its endpoints say no with;
percent.py the rule for percentages.

A translation is a copy of this room. Take a module by its name (`refusals.NO_RUN`): tests/test_texts.py finds what is
missing and what nobody says. Errors of the core stand where they are raised, labels of settings in view/settings.py.
"""
