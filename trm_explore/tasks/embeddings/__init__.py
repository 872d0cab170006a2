"""Sentence embeddings, the first guide's task: predict the next sentence's vector. Touch nothing here for other tasks.

task.py is the task; rows.py recognises vectors that come again.
"""

from trm_explore.tasks.embeddings.task import EmbeddingsTask

__all__ = ["EmbeddingsTask"]
