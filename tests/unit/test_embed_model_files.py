"""Finding a model's files: what is missing, damaged or foreign is said before anything is loaded."""

from __future__ import annotations

import json

import pytest

from services.common.errors import ModelUnavailable
from services.indexer.embed import model_files
from services.indexer.embed.model_files import DEFAULT_MODEL, locate

DOCUMENTS = {
    "config.json": {"model_type": "bert", "hidden_size": 8, "max_position_embeddings": 64},
    "tokenizer.json": {},
    "modules.json": [
        {"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
    ],
    "1_Pooling/config.json": {"embedding_dimension": 8, "pooling_mode": "mean"},
}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "my-model"
    (made / "1_Pooling").mkdir(parents=True)
    for name, value in DOCUMENTS.items():
        (made / name).write_text(json.dumps(value))
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def change(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | values))


def test_a_folder_is_read(folder):
    files = locate(str(folder))
    assert files.model_id == f"my-model@{files.sha256[:12]}"
    assert (files.dimension, files.max_tokens, files.query_prompt, files.document_prompt) == (8, 64, "", "")
    assert files.weights == folder.resolve() / "model.safetensors"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("config.json", {"hidden_act": "gelu"}),
        ("1_Pooling/config.json", {"pooling_mode": "cls"}),
        ("tokenizer.json", {"version": "1.0"}),
        ("tokenizer_config.json", {"model_max_length": 32}),
        ("config_sentence_transformers.json", {"prompts": {"query": "q: "}}),
    ],
)
def test_every_file_that_decides_a_vector_is_part_of_the_identity(folder, name, values):
    """Two models never mix: another pooling, tokenizer or prompt is another model, though the weights are equal."""
    before = locate(str(folder))
    change(folder, name, **values)
    after = locate(str(folder))
    assert before.weights_sha256 == after.weights_sha256
    assert before.model_id != after.model_id


def test_a_readme_is_not_part_of_the_identity(folder):
    before = locate(str(folder))
    (folder / "README.md").write_text("about")
    assert locate(str(folder)) == before


@pytest.mark.parametrize(
    ("settings", "tokenizer", "expected"), [({}, {}, 64), ({"max_seq_length": 16}, {}, 16), ({}, {"model_max_length": 24}, 24),
    ({"max_seq_length": 16}, {"model_max_length": 24}, 16), ({"max_seq_length": 900}, {}, 64), ({"max_seq_length": None}, {}, 64)],
)  # fmt: skip
def test_the_least_limit_counts(folder, settings, tokenizer, expected):
    """The old layout has the limit in one file, the new in another, and positions end it in any case."""
    change(folder, "sentence_bert_config.json", **settings)
    change(folder, "tokenizer_config.json", **tokenizer)
    assert locate(str(folder)).max_tokens == expected


def test_prompts_come_from_the_settings(folder):
    prompts = {"query": "q: ", "document": "d: ", "passage": "never used"}
    change(folder, "config_sentence_transformers.json", prompts=prompts)
    files = locate(str(folder))
    assert (files.query_prompt, files.document_prompt) == ("q: ", "d: ")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"pooling_mode": ["mean", "cls"], "embedding_dimension": 8}, 16),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False, "word_embedding_dimension": 8}, 8),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True, "word_embedding_dimension": 8}, 16),
        ({"word_embedding_dimension": 8}, 8),
    ],
)
def test_old_and_new_pooling_settings_give_the_dimension(folder, config, expected):
    (folder / "1_Pooling/config.json").write_text(json.dumps(config))
    assert locate(str(folder)).dimension == expected


def test_a_dense_layer_decides_the_dimension(folder):
    modules = [*DOCUMENTS["modules.json"], {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense/config.json").write_text(json.dumps({"in_features": 8, "out_features": 5}))
    assert locate(str(folder)).dimension == 5


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "modules.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelUnavailable, match=name):
        locate(str(folder))


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", '"text"', "\x00\xff"])
@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json"])
def test_a_damaged_setting_is_named(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(ModelUnavailable, match=name):
        locate(str(folder))


def test_a_folder_that_is_not_there_says_what_to_do(tmp_path):
    with pytest.raises(ModelUnavailable, match="never downloaded"):
        locate(str(tmp_path / "nothing"))


def test_a_hub_name_is_not_downloaded():
    with pytest.raises(ModelUnavailable, match="never downloaded"):
        locate("BAAI/bge-small-en-v1.5")


def test_foreign_code_is_refused(folder):
    """A module class outside sentence-transformers would be imported and run: the folder is not opened at all."""
    change_to = [*DOCUMENTS["modules.json"], {"path": "2_X", "type": "os.path.join"}]
    (folder / "modules.json").write_text(json.dumps(change_to))
    with pytest.raises(ModelUnavailable, match="code of its own"):
        locate(str(folder))


def test_a_module_outside_the_folder_is_refused(folder):
    change_to = [*DOCUMENTS["modules.json"], {"path": "../elsewhere", "type": "sentence_transformers.models.Dense"}]
    (folder / "modules.json").write_text(json.dumps(change_to))
    with pytest.raises(ModelUnavailable, match="outside"):
        locate(str(folder))


def test_the_default_with_other_weights_is_refused(folder, monkeypatch):
    """A package of the right name with other weights is damage or worse; a folder with them would be fine."""
    monkeypatch.setattr(model_files, "_default_folder", lambda: folder)
    with pytest.raises(ModelUnavailable, match="are not those of all-MiniLM-L6-v2"):
        locate(DEFAULT_MODEL)
    assert locate(str(folder)).dimension == 8


def test_the_default_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(model_files, "find_spec", lambda _name: None)
    with pytest.raises(ModelUnavailable, match=r"pip install 'headwater\[model\]'"):
        locate(DEFAULT_MODEL)
