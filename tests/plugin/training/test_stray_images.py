"""A rollout may contain the token of an image, for which the trainer has no image."""

import torch
from trinity.common.experience import Experience

from trinity_chord.plugin.training.stray_images import leave_out_stray_images

IMAGE, TEXT = 9, 5


def row(tokens, prompt_length, *, images=True):
    """A row whose prompt has an image of all its IMAGE tokens, if it has one."""
    inputs = None
    if images:
        kinds = torch.zeros(1, len(tokens), dtype=torch.int)
        kinds[0, :prompt_length] = torch.tensor(tokens[:prompt_length]) == IMAGE
        inputs = {"mm_token_type_ids": kinds}
    return Experience(
        tokens=torch.tensor(tokens, dtype=torch.int32),
        prompt_length=prompt_length,
        logprobs=torch.zeros(len(tokens) - prompt_length),
        multi_modal_inputs=inputs,
    )


def test_what_comes_before_the_token_is_learned_and_the_rest_is_not():
    found = row([IMAGE, TEXT, TEXT, IMAGE, TEXT], 2)
    leave_out_stray_images([found], [])
    assert found.tokens.tolist() == [IMAGE, TEXT, TEXT, 0, TEXT]
    assert found.action_mask.tolist() == [True, False, False]


def test_a_row_without_images_is_changed_if_others_have_some():
    other, found = row([IMAGE, TEXT, TEXT], 2), row([TEXT, TEXT, IMAGE], 2, images=False)
    leave_out_stray_images([found], [other])
    assert found.tokens.tolist() == [TEXT, TEXT, 0]
    assert not found.action_mask.any()
    assert other.tokens.tolist() == [IMAGE, TEXT, TEXT]


def test_a_prompt_with_the_token_in_its_text_is_left_out_whole():
    found = row([TEXT, IMAGE, TEXT, TEXT], 2, images=False)
    leave_out_stray_images([found, row([IMAGE, TEXT, TEXT], 2)], [])
    assert found.tokens.tolist() == [TEXT, 0, TEXT, TEXT]
    assert not found.action_mask.any()


def test_rows_without_images_stay_as_they_are():
    found = row([TEXT, TEXT, IMAGE], 2, images=False)
    leave_out_stray_images([found], [])
    assert found.tokens.tolist() == [TEXT, TEXT, IMAGE]
    assert found.action_mask.all()
