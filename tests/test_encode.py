"""Encoders and embed_file: the same vectors everywhere, each text once, nothing half-written, nothing made up."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trm_explore.data.embedding_files import chunk_paths, read_chunk, write_chunks
from trm_explore.data.encode import Embedded, embed_file
from trm_explore.data.encoders import NGramEncoder, PretrainedEncoder, encoder_named
from trm_explore.data.sentences import generate
from trm_explore.training import train
from trm_explore.training.events import Evaluated, Started


def finish(steps):
    """A generator's (all that it yields, what it returns)."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def windows_in(folder, split="train"):
    return np.concatenate([read_chunk(path) for path in chunk_paths(folder, split)])


class Counting:
    """An encoder that counts: a text's vector is its number, and each text must come once."""

    name, width = "counting", 3

    def __init__(self):
        self.texts, self.batches = [], []

    def encode(self, texts):
        first = len(self.texts)
        self.texts += texts
        self.batches.append(len(texts))
        return np.repeat(np.arange(first, len(self.texts), dtype=np.float32)[:, None], self.width, 1)


# ---- the encoder that needs nothing


def test_vectors_have_the_asked_width_and_unit_size():
    vectors = NGramEncoder(96).encode(generate(20))
    assert vectors.shape == (20, 96) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.square(vectors).mean(1), 1, rtol=1e-5)


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=6))
def test_a_texts_vector_does_not_depend_on_the_others_and_is_finite(texts):
    encoder = NGramEncoder(32)
    together = encoder.encode(texts)
    assert np.isfinite(together).all()
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_array_equal(encoder.encode([text])[0], vector)


def test_texts_that_share_words_are_more_alike():
    near, far = [], []
    for width in (256, 1024):
        a, b, c = NGramEncoder(width).encode(
            ["The captain mends her fishing net", "A captain was mending nets", "Long division is taught at school"]
        )
        near.append(a @ b / width)
        far.append(a @ c / width)
    assert min(near) > 0.25 > 0.15 > max(np.abs(far))


def test_unrelated_texts_are_nearly_orthogonal_whatever_their_words():
    words = ["".join(word) for word in np.random.default_rng(0).choice(list("abcdefghijklmnop"), (200, 8))]
    vectors = NGramEncoder(512).encode(words)
    cosines = (vectors @ vectors.T / 512)[np.triu_indices(200, 1)]
    assert abs(cosines.mean()) < 0.02 and cosines.std() < 0.1


def test_vectors_are_the_same_on_every_machine_and_in_every_version():
    """Written down once; and Python's own hash, which changes from process to process, would not give them twice."""
    (vector,) = NGramEncoder(8).encode(["Day 1, at dawn: Nora is at the mill."])
    np.testing.assert_allclose(
        vector, [-0.534970, 0.276987, -1.048595, -0.712858, 0.091297, 1.688636, -1.696611, 0.539490], atol=1e-5
    )


@pytest.mark.parametrize("width", [0, 7, 20_000, True, 8.0])
def test_a_width_that_cannot_be_is_refused(width):
    with pytest.raises(ValueError, match="must be a whole number from 8 to 16384"):
        NGramEncoder(width)


# ---- text to windows


def test_windows_slide_over_the_lines_and_each_line_is_encoded_once(tmp_path):
    lines = [f"line number {i:03}" for i in range(25)]
    encoder = Counting()
    steps, summary = finish(embed_file(lines, tmp_path / "d", encoder, seq_length=4, batch_size=7, chunk_size=6))
    assert encoder.texts == lines and encoder.batches == [7, 7, 7, 4]
    assert steps == [(7, 25), (14, 25), (21, 25), (25, 25)]
    assert windows_in(tmp_path / "d")[:, :, 0].tolist() == [list(range(i, i + 5)) for i in range(21)]
    assert len(chunk_paths(tmp_path / "d", "train")) == 4 and not chunk_paths(tmp_path / "d", "val")
    assert summary == Embedded(str(tmp_path / "d"), "counting", 3, 4, 25, 21, 0)


@given(
    lines=st.integers(1, 40),
    seq_length=st.integers(1, 6),
    stride=st.integers(1, 7),
    batch_size=st.integers(1, 9),
    most=st.none() | st.integers(1, 8),
)
def test_windows_are_those_of_brute_force(tmp_path_factory, lines, seq_length, stride, batch_size, most):
    texts = [f"line number {i:03}" for i in range(lines)]
    expected = [list(range(i, i + seq_length + 1)) for i in range(0, lines - seq_length, stride)][:most]
    folder, encoder = tmp_path_factory.mktemp("d"), Counting()
    sizes = {"seq_length": seq_length, "stride": stride, "batch_size": batch_size, "train_samples": most}
    if not expected:
        with pytest.raises(ValueError, match=f"has {lines} lines of at least 11 characters"):
            finish(embed_file(texts, folder, encoder, **sizes))
        assert not encoder.texts
        return
    _, summary = finish(embed_file(texts, folder, encoder, **sizes))
    assert windows_in(folder)[:, :, 0].tolist() == expected
    assert summary.train_windows == len(expected) and summary.texts == expected[-1][-1] + 1 == len(encoder.texts)


def test_lines_are_stripped_and_short_ones_left_out(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeff  a first long line  \r\n\n tiny \nten chars.\neleven char\nLäßt sich lesen\n".encode())
    encoder = Counting()
    finish(embed_file(path, tmp_path / "d", encoder, seq_length=1))
    assert encoder.texts == ["a first long line", "eleven char", "Läßt sich lesen"]


def test_a_second_text_gives_the_held_out_windows(tmp_path):
    train_text, val_text = generate(40, 0), generate(30, 1)
    _, summary = finish(
        embed_file(train_text, tmp_path / "d", NGramEncoder(16), val_source=val_text, val_samples=8, chunk_size=9)
    )
    assert (summary.train_windows, summary.val_windows, summary.texts) == (30, 8, 40 + 18)
    np.testing.assert_array_equal(windows_in(tmp_path / "d", "val")[3], NGramEncoder(16).encode(val_text[3:14]))


def test_a_long_text_is_not_held_in_memory(tmp_path):
    """What is alive between two batches: one chunk's windows, one batch, one window."""
    path = tmp_path / "long.txt"
    path.write_text("\n".join(generate(3000)))
    writing = embed_file(path, tmp_path / "d", NGramEncoder(8), batch_size=50, chunk_size=100)
    for _ in writing:
        frame = writing.gi_frame.f_locals
        assert len(frame["batch"]) <= 50 and len(frame["window"]) == 11 and len(frame["chunks"]._rows) < 100
        assert not frame["text"].given
    assert len(windows_in(tmp_path / "d")) == 2990


@pytest.mark.parametrize("how", ["closed", "raised", "not finite"])
def test_what_stops_half_way_leaves_nothing(tmp_path, how):
    class Breaking(Counting):
        def encode(self, texts):
            vectors = super().encode(texts)
            if len(self.texts) > 30 and how == "raised":
                raise OSError("the model is gone")
            if len(self.texts) > 30 and how == "not finite":
                vectors[-1, 1] = np.nan
            return vectors

    lines = generate(60)
    steps = embed_file(lines, tmp_path / "d", Breaking(), val_source=lines, batch_size=10, chunk_size=3)
    for _ in range(2):
        next(steps)
    if how == "closed":
        steps.close()
    else:
        with pytest.raises((OSError, ValueError), match="the model is gone|not finite for 'Day"):
            finish(steps)
    assert not list(tmp_path.iterdir())


def test_chunks_of_two_texts_do_not_meet_in_one_folder(tmp_path):
    finish(embed_file(generate(30), tmp_path, NGramEncoder(8), val_source=generate(30, 1)))
    for path in chunk_paths(tmp_path, "train"):
        path.unlink()
    encoder = Counting()
    with pytest.raises(ValueError, match=r"already holds val_embeddings_chunk_0\.pt: give a new folder"):
        finish(embed_file(generate(30), tmp_path, encoder))
    assert not encoder.texts


def test_bad_texts_and_sizes_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "latin.txt").write_bytes("Ein längerer Satz in Latin-1\n".encode("latin-1") * 30)
    (tmp_path / "empty.txt").touch()
    (tmp_path / "short.txt").write_text("one line that is long enough\n" * 10)
    (tmp_path / "file").touch()
    good = generate(30)
    for source, flags, reason in (
        (tmp_path / "nowhere.txt", {}, r"there is no file '.*nowhere\.txt'"),
        (str(tmp_path), {}, "is a folder, not a file"),
        (tmp_path / "latin.txt", {}, "is not UTF-8 text .it has a byte 0xe4.: save it as UTF-8"),
        (tmp_path / "empty.txt", {}, "has 0 lines of at least 11 characters, but one window takes 11"),
        (tmp_path / "short.txt", {}, "has 10 lines of at least 11 characters, but one window takes 11"),
        (good, {"val_source": tmp_path / "short.txt"}, r"short\.txt' has 10 lines"),
        (good, {"val_samples": 3}, "needs a second text"),
        (good, {"seq_length": 0}, "seq_length=0 must be a whole number of at least 1"),
        (good, {"stride": 1.5}, "stride=1.5 must be"),
        (good, {"train_samples": 0}, "train_samples=0 must be"),
        (good, {"chunk_size": True}, "chunk_size=True must be"),
    ):
        with pytest.raises(ValueError, match=reason) as error:
            finish(embed_file(source, tmp_path / "d", NGramEncoder(8), **flags))
        assert "\n" not in str(error.value) and not (tmp_path / "d").exists()
    with pytest.raises(ValueError, match="cannot be made"):
        finish(embed_file(good, tmp_path / "file" / "d", NGramEncoder(8)))


# ---- pretrained encoders, on tiny models made here

WORDS = ["the", "captain", "mends", "a", "net", "reads", "map", "old"]


def tokenizer_in(folder, **extra):
    """A word tokenizer whose files transformers reads."""
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    vocab = {word: i for i, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *WORDS])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab, unk_token="<unk>"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **names, **extra).save_pretrained(folder)
    return vocab


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="the extra encoders is not installed")
    folder = tmp_path_factory.mktemp("bert")
    vocab = tokenizer_in(folder)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(vocab_size=len(vocab), pad_token_id=1, **sizes))
    model.half().save_pretrained(folder)
    return str(folder), model.float().eval(), vocab


@pytest.mark.slow
def test_a_pretrained_encoder_gives_the_mean_of_its_last_states_over_a_texts_tokens(bert):
    folder, model, vocab = bert
    encoder = encoder_named(folder)
    assert encoder.width == 16 and encoder.name == folder
    texts = ["the captain mends a net", "a map", "the captain reads the old map"]
    vectors = encoder.encode(texts)
    assert vectors.dtype == np.float32 and vectors.shape == (3, 16)
    for text, vector in zip(texts, vectors, strict=True):  # alone, so without any padding
        ids = torch.tensor([[vocab[word] for word in text.split()]])
        with torch.no_grad():
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        np.testing.assert_allclose(vector, states[0].mean(0), atol=1e-5)


@pytest.mark.slow
def test_a_pretrained_encoder_fills_chunks_that_train(bert, tmp_path):
    lines = [f"the captain {verb} a {thing}" for verb in ("mends", "reads") for thing in ("net", "map", "old net")] * 9
    _, summary = finish(embed_file(lines, tmp_path / "d", encoder_named(bert[0]), seq_length=3, batch_size=5))
    assert summary.width == 16 and windows_in(tmp_path / "d").shape == (51, 4, 16)


@pytest.mark.slow
def test_weights_that_are_not_in_the_files_are_not_made_up(bert, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder, model, vocab = bert
    tokenizer_in(tmp_path)
    lacking = {name: value for name, value in model.state_dict().items() if "attention.self.query" not in name}
    transformers.BertModel(model.config).save_pretrained(tmp_path, state_dict=lacking)
    with pytest.raises(ValueError, match="cannot be loaded .its files lack 2 weights, encoder.layer.0.attention") as e:
        encoder_named(str(tmp_path))
    assert "\n" not in str(e.value)


@pytest.fixture(scope="module")
def sonar(tmp_path_factory):
    """The shape of SONAR's text encoder: the encoder of M2M100 alone, with a tokenizer of languages."""
    transformers = pytest.importorskip("transformers", reason="the extra encoders is not installed")
    from transformers.models.m2m_100.modeling_m2m_100 import M2M100Encoder

    folder = tmp_path_factory.mktemp("sonar")
    words = ["<s>", "<pad>", "</s>", "<unk>", *("\u2581" + word for word in WORDS), "eng_Latn", "deu_Latn"]
    vocab = {word: i for i, word in enumerate(words)}
    transformers.NllbTokenizer(vocab=vocab, merges=[], extra_special_tokens=words[-2:]).save_pretrained(folder)
    sizes = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16}
    config = transformers.M2M100Config(vocab_size=len(words) + 8, pad_token_id=1, decoder_layers=1, **sizes)
    torch.manual_seed(0)
    model = M2M100Encoder(config).eval()
    model.save_pretrained(folder)
    return str(folder), model


@pytest.mark.slow
def test_sonar_is_loaded_as_an_encoder_alone_and_pooled_by_the_mean(sonar):
    transformers = pytest.importorskip("transformers")
    folder, model = sonar
    encoder = encoder_named(folder, lang="eng_Latn")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, src_lang="eng_Latn")
    texts = ["the captain mends a net", "a map"]
    vectors = encoder.encode(texts)
    assert encoder.width == 16
    for text, vector in zip(texts, vectors, strict=True):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        np.testing.assert_allclose(vector, states[0].mean(0), atol=1e-5)


@pytest.mark.slow
def test_the_language_reaches_sonar_and_an_unknown_one_is_refused(sonar):
    english, german = (encoder_named(sonar[0], lang=lang).encode(["a map"]) for lang in ("eng_Latn", "deu_Latn"))
    assert not np.allclose(english, german)
    with pytest.raises(ValueError, match="lang='english' is none of its languages"):
        encoder_named(sonar[0], lang="english")


@pytest.mark.slow
def test_a_sentence_transformers_folder_is_read_by_that_package(bert, tmp_path):
    st_package = pytest.importorskip("sentence_transformers", reason="the extra encoders is not installed")
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    words = Transformer(bert[0])
    pooling = Pooling(words.get_embedding_dimension(), pooling_mode="max")
    model = st_package.SentenceTransformer(modules=[words, pooling], device="cpu")
    model.save(str(tmp_path))
    texts = ["the captain mends a net", "a map"]
    encoder = encoder_named(str(tmp_path))
    np.testing.assert_allclose(encoder.encode(texts), model.encode(texts), atol=1e-5)
    assert not np.allclose(encoder.encode(texts), encoder_named(bert[0]).encode(texts), atol=1e-3)


@pytest.mark.slow
def test_a_model_that_is_not_there_is_an_error_and_nothing_takes_its_place(tmp_path, monkeypatch):
    pytest.importorskip("transformers", reason="the extra encoders is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "empty").mkdir()
    for name in (str(tmp_path / "empty"), str(tmp_path / "nowhere"), "nobody-at-all/no-such-model", "no model"):
        with pytest.raises(ValueError, match="^encoder=.* cannot be loaded .*give the folder of a model") as error:
            PretrainedEncoder(name)
        assert "\n" not in str(error.value)


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for name in (str(tmp_path), "cointegrated/SONAR_200_text_encoder"):
        with pytest.raises(ValueError, match=r'not installed .*: pip install "trm-explore\[encoders\]"'):
            encoder_named(name)


# ---- and it is worth training on


@pytest.mark.slow
def test_a_small_causal_network_beats_both_baselines_on_the_diary(tmp_path, tiny_run):
    finish(embed_file(generate(1500), tmp_path / "d", NGramEncoder(128)))
    baselines, loss = trained(tiny_run, tmp_path / "d", hidden_size=64, H_cycles=2, lr=3e-3, updates=150)
    assert loss < 0.6 * min(baselines.values())


@pytest.mark.slow
def test_on_pure_noise_only_the_loop_that_leaks_gets_below_the_mean(tmp_path, tiny_run):
    """Nothing can be foretold here, so whatever is better than the mean has seen its target."""
    noise = np.random.default_rng(0).standard_normal((1500, 4, 8)).astype(np.float32)
    write_chunks(tmp_path, "train", noise)
    sizes = {"hidden_size": 32, "H_cycles": 1, "lr": 5e-3, "updates": 200}
    baselines, honest = trained(tiny_run, tmp_path, **sizes)
    _, leaking = trained(tiny_run, tmp_path, causal=False, **sizes)
    assert leaking < 0.7 * baselines["predict the mean"] < 0.75 * honest


def trained(tiny_run, folder, causal=True, **sizes):
    """(baselines, loss of the last step on the held-out windows) of a run."""
    shape = {"mixer": "attention", "causal": causal, "num_heads": 4, "swiglu_multiple": 64, "L_cycles": 1}
    often = {"batch_size": 32, "eval_every": 0, "frame_every": 0, "eval_puzzles": 256}
    events = list(train(tiny_run(task="embeddings", data=str(folder), **shape, **often, **sizes)))
    (baselines,) = [event.baselines for event in events if isinstance(event, Started)]
    return baselines, [event for event in events if isinstance(event, Evaluated)][-1].loss[-1]
