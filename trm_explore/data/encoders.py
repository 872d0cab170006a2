"""Encoders of text: each turns texts into vectors, one a text.

NGramEncoder needs nothing and gives the same vectors on every machine: hashed pieces of words. Others are pretrained
sentence encoders, named by a local folder or a hub name; they need the extra `encoders`. One that cannot be loaded is
an error: no encoder ever stands in for another, and no weights are made up. Try it:

    >>> encoder_named("ngrams", width=64).encode(["A line.", "Another line."]).shape
    (2, 64)
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from trm_explore.config.checks import shown

WHOLE_WORD = 2.0  # weight of a word against one n-gram
SHORT = 0.1  # weight of words of up to three letters: most of them are grammar, and stand in every line
PLACES = 4  # numbers of the vector that one feature is added to
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio: spreads neighbouring integers
LONGEST = 514  # tokens of a text, where the model does not say; what is beyond is cut off
EXTRA = 'pip install "trm-explore[encoders]"'
HOW = "give the folder of a model, its name on the Hugging Face hub, or ngrams, which needs nothing"


class Encoder(Protocol):
    """What embed_file asks for."""

    name: str
    width: int

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """(N, width) float32, one vector a text, whatever the other texts are."""


def encoder_named(name: str = "ngrams", device: str = "cpu", lang: str = "eng_Latn", width: int = 256) -> Encoder:
    """`ngrams`, or a pretrained encoder. `width` is of ngrams only, `lang` of models whose tokenizer has languages."""
    if name == "ngrams":
        return NGramEncoder(width)
    return PretrainedEncoder(name, device, lang)


class NGramEncoder:
    """Words and their n-grams of 3 to 5 characters, each hashed to a few signed places of the vector; root mean square
    1. Texts that share words have similar vectors; the order of words is not seen."""

    def __init__(self, width: int = 256):
        if isinstance(width, bool) or not isinstance(width, int) or not 8 <= width <= 16_384:
            raise ValueError(f"width={shown(width)} must be a whole number from 8 to 16384")
        self.name, self.width = "ngrams", width

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        owners, hashes, weights = [], [], []
        for i, text in enumerate(texts):
            counts: dict[str, float] = {}
            for feature, weight in _features(text):
                counts[feature] = counts.get(feature, 0.0) + weight
            owners += [i] * len(counts)
            hashes += [zlib.crc32(feature.encode()) for feature in counts]
            weights += counts.values()
        owner, value = np.array(owners, dtype=np.int64), np.sqrt(np.array(weights))
        vectors = np.zeros((len(texts), self.width))
        for place in range(PLACES):
            mixed = _mixed(np.array(hashes, dtype=np.uint64) + np.uint64(place << 32))
            at = owner * self.width + (mixed >> np.uint64(1)).astype(np.int64) % self.width
            sign = 1.0 - 2.0 * (mixed & np.uint64(1)).astype(np.float64)
            vectors += np.bincount(at, sign * value, vectors.size).reshape(vectors.shape)
        size = np.sqrt(np.square(vectors).mean(1, keepdims=True))
        return (vectors / np.maximum(size, 1e-12)).astype(np.float32)


def _features(text: str) -> Iterator[tuple[str, float]]:
    """(feature, weight) of every word, and of the n-grams of the word between two marks."""
    for word in re.findall(r"\w+", text.lower()) or [text]:
        marked = f"<{word}>"
        weight = SHORT if len(word) <= 3 else 1.0
        yield marked, WHOLE_WORD * weight
        for n in (3, 4, 5):
            for i in range(len(marked) - n + 1):
                yield marked[i : i + n], weight


def _mixed(values: np.ndarray) -> np.ndarray:
    """uint64 -> uint64 in which every bit of the input moves every bit of the output."""
    for shift in (32, 29, 32):
        values = (values ^ (values >> np.uint64(shift))) * ODD
    return values ^ (values >> np.uint64(32))


class PretrainedEncoder:
    """A pretrained sentence encoder. A folder or hub name with a modules.json goes through sentence-transformers; all
    others, SONAR's text encoder for one, through transformers: the mean of the last hidden states over a text's
    tokens, not normalised."""

    def __init__(self, name: str, device: str = "cpu", lang: str = "eng_Latn"):
        self.name = name
        try:
            self._encode = (_sentence_model if _has_modules(name) else _mean_pooled)(name, device, lang)
        except ImportError as error:
            raise ValueError(
                f"encoder={shown(name)} needs a package that is not installed ({_first_line(error)}): {EXTRA}, or take "
                "the encoder ngrams"
            ) from None
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ValueError(f"encoder={shown(name)} cannot be loaded ({_first_line(error)}): {HOW}") from None
        self.width = self.encode(["?"]).shape[1]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.asarray(self._encode(list(texts)), dtype=np.float32)


def _has_modules(name: str) -> bool:
    """Whether a model is described as one of sentence-transformers."""
    if Path(name).exists():
        return Path(name, "modules.json").is_file()
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        hf_hub_download(name, "modules.json")
    except EntryNotFoundError:  # also where there is no network: then the model's own files decide
        return False
    return True


def _sentence_model(name: str, device: str, lang: str) -> Any:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(name, device=device)
    return lambda texts: model.encode(texts, batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True)


def _mean_pooled(name: str, device: str, lang: str) -> Any:
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    config, tokenizer = AutoConfig.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    kind = AutoModel
    if config.model_type == "m2m_100":  # SONAR's: AutoModel would want a decoder too
        from transformers.models.m2m_100.modeling_m2m_100 import M2M100Encoder as kind
    model, info = kind.from_pretrained(name, dtype=torch.float32, output_loading_info=True)
    missing = sorted(key for key in info["missing_keys"] if not key.startswith(("pooler.", "decoder.")))
    if missing:  # transformers would draw them at random
        raise ValueError(f"its files lack {len(missing)} weights, {missing[0]} first")
    if hasattr(tokenizer, "src_lang"):
        if lang not in tokenizer.get_vocab():
            raise ValueError(f"lang={shown(lang)} is none of its languages, which are named like eng_Latn")
        tokenizer.src_lang = lang
    if kind is AutoModel and config.is_encoder_decoder:
        model = model.get_encoder()
    model = model.to(device).eval()
    longest = min(tokenizer.model_max_length, (getattr(config, "max_position_embeddings", None) or LONGEST) - 2)

    @torch.inference_mode()
    def encode(texts: list[str]) -> np.ndarray:
        batch = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt").to(device)
        states = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        mask = batch["attention_mask"][:, :, None].to(states.dtype)
        return ((states * mask).sum(1) / mask.sum(1)).cpu().numpy()

    return encode


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
