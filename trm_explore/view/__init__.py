"""What is shown, decided once for page, notebook, print and terminal: messages, plans, comparisons, commands.

payload.py makes the JSON that web/ draws; comparison.py that of several runs; terminal.py lines of text; commands.py a
run as a shell command or Python script; palette.py the colours of steps. settings.py has a row for each setting with a
control.
Painters (web/, plots/, widgets/, app/, cli/) draw what stands here and decide nothing.
"""
