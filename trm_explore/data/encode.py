"""A text's lines as windows of embeddings, written as the chunks that the task embeddings reads.

>>> from trm_explore.data.encode import embed_file
>>> for done, total in embed_file("book.txt", "data_chunks"):
...     pass
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from trm_explore.config.checks import shown
from trm_explore.data.embedding_files import SPLITS, ChunkWriter
from trm_explore.data.encoders import Encoder, NGramEncoder

Source = str | Path | Iterable[str]  # the path of a text file, or lines


@dataclass(frozen=True)
class Embedded:
    """What embed_file wrote."""

    folder: str
    encoder: str
    width: int
    seq_length: int
    texts: int  # lines encoded, each once
    train_windows: int
    val_windows: int  # 0: the task embeddings then holds out the last tenth


def embed_file(
    source: Source,
    out_dir: str | Path,
    encoder: Encoder | None = None,
    *,
    val_source: Source | None = None,
    seq_length: int = 10,
    stride: int = 1,
    chunk_size: int = 1000,
    batch_size: int = 256,
    min_chars: int = 11,
    train_samples: int | None = None,
    val_samples: int | None = None,
) -> Generator[tuple[int, int], None, Embedded]:
    """Writes windows of seq_length + 1 consecutive lines, one every `stride` lines; (texts done, in all) as it goes.

    Lines are stripped and those below min_chars characters skipped. train_samples and val_samples are the most windows
    to write. `encoder` None: NGramEncoder(). The text is gone through twice and never held; closing the generator
    half way leaves nothing behind. ValueError where there are too few lines for one window.
    """
    sizes = {"seq_length": seq_length, "stride": stride, "chunk_size": chunk_size, "batch_size": batch_size}
    sizes |= {"min_chars": min_chars, "train_samples": train_samples, "val_samples": val_samples}
    for name, value in sizes.items():
        optional = name.endswith("_samples")
        if not (optional and value is None) and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ValueError(f"{name}={shown(value)} must be a whole number of at least 1")
    if val_samples is not None and val_source is None:
        raise ValueError(f"val_samples={val_samples} needs a second text, to make the held-out windows of")
    encoder = encoder or NGramEncoder()
    texts = {"train": _Lines(source, min_chars)}
    if val_source is not None:
        texts["val"] = _Lines(val_source, min_chars)
    most = {"train": train_samples, "val": val_samples}
    R = seq_length + 1
    lines = {split: _lines_needed(text, R, stride, most[split], min_chars) for split, text in texts.items()}
    if Path(out_dir).exists():
        for split in SPLITS:  # also the split that is not written: chunks of two texts must not meet in one folder
            ChunkWriter(out_dir, split, chunk_size).check_empty()
    done, total, written = 0, sum(lines.values()), dict.fromkeys(SPLITS, 0)
    with ExitStack() as stack:
        for split, text in texts.items():
            chunks = stack.enter_context(ChunkWriter(out_dir, split, chunk_size))
            window: deque[np.ndarray] = deque(maxlen=R)
            seen = 0
            kept = islice(text, lines[split])
            while batch := list(islice(kept, batch_size)):
                for vector in _encoded(encoder, batch):
                    window.append(vector)
                    seen += 1
                    if seen >= R and (seen - R) % stride == 0:
                        chunks.add(np.stack(window))
                done += len(batch)
                yield done, total
            written[split] = chunks.written
    return Embedded(str(out_dir), encoder.name, encoder.width, seq_length, done, written["train"], written["val"])


class _Lines:
    """The lines that are kept, as often as one asks for them."""

    def __init__(self, source: Source, min_chars: int):
        self.path = source if isinstance(source, (str, Path)) else None
        self.label = "the text" if self.path is None else repr(str(source))
        self.given = () if self.path is not None else list(source)
        self.min_chars = min_chars

    def __iter__(self) -> Iterator[str]:
        how = "give a text file with one sentence a line"
        try:
            if self.path is None:
                yield from self._long_enough(self.given)
            else:
                with open(self.path, encoding="utf-8-sig") as stream:
                    yield from self._long_enough(stream)
        except FileNotFoundError:
            raise ValueError(f"there is no file {self.label}: {how}") from None
        except IsADirectoryError:
            raise ValueError(f"{self.label} is a folder, not a file: {how}") from None
        except UnicodeDecodeError as error:
            byte = error.object[error.start]
            raise ValueError(f"{self.label} is not UTF-8 text (it has a byte {byte:#04x}): save it as UTF-8") from None
        except OSError as error:
            raise ValueError(f"{self.label} cannot be read ({error.strerror}): {how}") from None

    def _long_enough(self, lines: Iterable[str]) -> Iterator[str]:
        return (line for line in map(str.strip, lines) if len(line) >= self.min_chars)


def _lines_needed(text: _Lines, R: int, stride: int, most: int | None, min_chars: int) -> int:
    """How many lines the windows take; ValueError where there are too few for one."""
    there = sum(1 for _ in text)
    if there < R:
        raise ValueError(
            f"{text.label} has {there} lines of at least {min_chars} characters, but one window takes {R} "
            f"(seq_length={R - 1} and the one to predict): give a longer text, or a smaller seq_length or min_chars"
        )
    windows = (there - R) // stride + 1
    return ((windows if most is None else min(windows, most)) - 1) * stride + R


def _encoded(encoder: Encoder, batch: list[str]) -> np.ndarray:
    vectors = encoder.encode(batch)
    if not np.isfinite(vectors).all():
        line = batch[int((~np.isfinite(vectors).all(1)).argmax())]
        raise ValueError(
            f"the encoder {encoder.name} gave a number that is not finite for {shown(line[:60])}: leave it out"
        )
    return vectors
