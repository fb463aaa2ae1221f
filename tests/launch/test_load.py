import pytest

from trinity_chord.launch.load import ConfigFileError, load


@pytest.fixture
def yaml(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("mode: both\nbuffer: {batch_size: 4}\n")
    return path


def test_an_override_takes_precedence_over_the_file(yaml):
    assert load(yaml, ["buffer.batch_size=8"]).buffer.batch_size == 8


def test_override_values_are_yaml(yaml):
    config = load(yaml, ["algorithm.sample_strategy_args={expert_rows: 3}"])
    assert config.algorithm.sample_strategy_args == {"expert_rows": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("buffer: {batch_sise: 4}", "batch_sise"),
        ("buffer: {batch_size: four}", "four"),
        ("buffer: [", "not YAML"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigFileError, match=rf"wrong\.yaml: .*{message}"):
        load(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigFileError, match=r"none\.yaml does not exist"):
        load(tmp_path / "none.yaml")


def test_an_override_without_a_value_is_refused(yaml):
    with pytest.raises(ConfigFileError, match=r"got 'mode', expected `dotted\.key=value`"):
        load(yaml, ["mode"])
