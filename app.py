"""`python app.py` serves the page; Hugging Face Spaces start here."""

from trm_explore.app import launch

if __name__ == "__main__":
    launch()
