"""Every word of the page and its drawings, and how numbers are written in words.

texts.py holds the words, DRAWING those of the modules of web/; percent.py the rule for percentages. A translation
is a copy of this room. Errors of the core stand where they are raised.
"""
