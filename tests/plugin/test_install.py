"""Importing changes nothing; using a public name adds one validator to Trinity's list, once."""

import subprocess
import sys
import textwrap


def test_a_fresh_process_gets_the_validator_with_the_first_public_name():
    code = """
        from trinity_chord.cpu import activate
        activate()
        from trinity.common.config_validator import validators

        def ours():
            return [type(each).__name__ for each in validators].count("ExpertMixValidator")

        before = list(validators)
        import trinity_chord
        import trinity_chord.plugin
        import trinity_chord.plugin.config.validator
        import trinity_chord.plugin.training.policy_loss
        assert validators == before
        trinity_chord.CHORDPolicyLossFn
        assert ours() == 1
        trinity_chord.CHORDAlgorithm
        trinity_chord.plugin.install()
        assert ours() == 1
        print("as expected")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert "as expected" in done.stdout, done.stdout + done.stderr
