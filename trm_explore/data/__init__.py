"""What people bring, and what a puzzle is; no torch (the encoders apart).

Folders in the layout that HRM and TRM publish are read by folder.py, in the order of passes.py, and written by
writer.py; sudoku.py, maze.py and arc.py make them; votes.py, ratings.py and figures.py judge answers as published.
encoders.py and encode.py make text into embeddings. grids.py, sudoku_rules.py and symmetry.py are the rules and
symmetries that tasks share; labels.py says which cells are scored; assets.py finds what ships. docs/data.md has the
formats.
"""
