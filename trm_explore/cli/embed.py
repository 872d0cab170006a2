"""`trm-explore embed`: a text as sequences of embeddings, for the task embeddings."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import tyro
from tqdm import tqdm

from trm_explore.config.checks import whole
from trm_explore.data.encode import Embedded, embed_file
from trm_explore.data.encoders import encoder_named
from trm_explore.data.sentences import generate
from trm_explore.model.checkpoint import pick_device


@dataclass(frozen=True)
class Embed:
    """Turn a text into chunk files of embeddings: windows of consecutive lines, each line encoded once."""

    text: tyro.conf.Positional[str] = ""
    """A text file with one sentence a line (lines of 10 characters or fewer are skipped)."""
    output_dir: str = ""
    """Folder to write train_embeddings_chunk_N.pt to."""
    val_text: str = ""
    """A second text for held-out windows, val_embeddings_chunk_N.pt. Empty: training holds out the last tenth."""
    generate: int = 0
    """Instead of a text: this many lines of the project's own generator, in which the next line can be foretold."""
    encoder: str = "ngrams"
    """ngrams (hashed character n-grams, needs nothing), or a sentence encoder by local path or hub name, such as
    cointegrated/SONAR_200_text_encoder."""
    width: int = 256
    """Width of the ngrams encoder's vectors; a sentence encoder has its own."""
    lang: str = "eng_Latn"
    """Source language, for encoders that ask for one."""
    seq_length: int = 10
    """Vectors that a window predicts from; a window holds one more."""
    stride: int = 1
    """Lines between the starts of two windows."""
    train_samples: int | None = None
    """Most training windows. None: all there are."""
    val_samples: int | None = None
    """Most held-out windows. None: all there are."""
    chunk_size: int = 1000
    """Windows a file."""
    batch_size: int = 256
    """Lines encoded at a time."""
    device: str = "auto"
    """Where a sentence encoder computes: cpu, cuda, mps or auto."""
    seed: int = 0
    """Of the generated text."""


def run(args: Embed) -> int:
    """Writes the chunks; 0."""
    whole(args, "generate", 0)
    whole(args, "seed", 0)
    if bool(args.text) == bool(args.generate):
        given = "both a text and --generate" if args.text else "neither a text nor --generate"
        raise ValueError(f"there is {given}; give a text file, or --generate N for a made-up one")
    if not args.output_dir:
        raise ValueError("output_dir is empty; give the folder to write to, such as --output_dir data_chunks")
    encoder = encoder_named(args.encoder, device=str(pick_device(args.device)), lang=args.lang, width=args.width)
    done = _with_progress_bar(
        embed_file(
            generate(args.generate, args.seed) if args.generate else args.text,
            args.output_dir,
            encoder,
            val_source=args.val_text or None,
            seq_length=args.seq_length,
            stride=args.stride,
            chunk_size=args.chunk_size,
            batch_size=args.batch_size,
            train_samples=args.train_samples,
            val_samples=args.val_samples,
        )
    )
    held_out = f"{done.val_windows} held-out windows" if done.val_windows else "training holds out the last tenth"
    print(
        f"{done.texts} lines through {done.encoder}, width {done.width}: {done.train_windows} training windows of "
        f"{done.seq_length} + 1, {held_out}\n"
        f"trm-explore train --task embeddings --data_folder {done.folder} --enable_deep_supervision"
    )
    return 0


def _with_progress_bar(progress: Generator[tuple[int, int], None, Embedded]) -> Embedded:
    """Runs it to its end with a progress bar; what it returns."""
    with tqdm(desc="encoding", unit="", leave=False, dynamic_ncols=True, disable=None) as bar:
        while True:
            try:
                done, bar.total = next(progress)
            except StopIteration as end:
                return end.value
            bar.update(done - bar.n)
