"""For the lessons in notebooks/: what hardware there is, guesses before results, exercises that check themselves.

from trm_explore.teach import setup
lesson = setup(seed=0, updates=300)              # says what this computer is and how long the lesson trains here
lesson.predict("early", "How many boards are right after step 0, in percent?", range(0, 101))
lesson.reveal("early", 25)                       # guess beside result
lesson.check("shares", shares)                   # right, or not yet and one hint; never an error
lesson.summary()
"""

from trm_explore.teach.exercises import CHECKS, check
from trm_explore.teach.guess import Guess
from trm_explore.teach.lesson import Lesson, setup

__all__ = ["CHECKS", "Guess", "Lesson", "check", "setup"]
