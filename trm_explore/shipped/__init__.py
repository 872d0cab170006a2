"""What ships trained: pairs of models with and without deep supervision, runs for Compare, and how they are made.

pairs.py has the recorded models, recipe_runs.py Compare's runs; `trm-explore make-assets` makes both anew.
"""
