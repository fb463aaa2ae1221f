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


def refused(tmp_path, text):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load(path)
    return str(caught.value), caught.value.problems


def test_all_wrong_keys_are_reported_at_once_with_the_nearest_names(tmp_path):
    text = "buffer: {batch_sise: 4, batch_size: four}\nmodl: 3\ntrainer: {total_steps: -1}"
    _, problems = refused(tmp_path, text)
    assert len(problems) == 4
    assert "did you mean `batch_size`?" in problems[0]
    assert "`trainer.total_steps`: got -1" in problems[3]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5", "got '5', expected a mapping"),
        ("[1]", "got a list, expected a mapping"),
        ("synchronizer: {sync_method: 5}", "`synchronizer.sync_method`: got 5, expected one of"),
        (
            "buffer: {explorer_input: {taskset: {format: {prompt_type: 5}}}}",
            "`buffer.explorer_input.taskset.format.prompt_type`: got 5, expected one of",
        ),
        ("buffer: 5", "`buffer`: got 5, expected a mapping with the keys"),
        ("stages: [{mode: both}]", "`stages.0.stage_name`: got None"),
        ("name: x\nname: y", "found duplicate key name"),
        ("model: {max_model_len: '${model.nokey}'}", "'model.nokey' not found"),
        ("trainer: {total_steps: " + "9" * 5000 + "}", "not YAML: Exceeds the limit"),
        ("a: &a [*a]", "line 1: got an alias that contains itself"),
    ],
)
def test_what_cannot_be_a_configuration_is_one_message(tmp_path, text, problem):
    message, problems = refused(tmp_path, text)
    assert problem in message
    assert "wrong.yaml" in message
    assert len(problems) == 1


def test_aliases_that_multiply_are_refused_at_once(tmp_path):
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    message, _ = refused(tmp_path, bomb)
    assert "values with every alias written out, expected at most 100,000" in message


def test_an_interpolation_may_lead_to_a_default(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("buffer: {total_epochs: '${buffer.batch_size}', batch_size: 3}\n")
    assert load(path).buffer.total_epochs == 3
    path.write_text("explorer: {eval_interval: '${synchronizer.sync_interval}'}\n")
    assert load(path).explorer.eval_interval == 1
