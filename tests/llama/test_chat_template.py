"""Templates of the model families people use, in the shapes that cause trouble elsewhere. Written from their formats."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.messages import Turn
from companion.llama.chat_template import CHATML, ChatTemplate, TemplateError

LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
ALTERNATING_ONLY = (
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
    "{{ message.content | trim }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
REASONING = (
    "{% for message in messages %}{% if message.role == 'assistant' and '</think>' in message.content %}"
    "{% set content = message.content.split('</think>')[-1].lstrip('\n') %}"
    "{% else %}{% set content = message.content %}{% endif %}"
    "<|im_start|>{{ message.role }}\n{{ content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
GREETED = (Turn("system", "Be kind."), Turn("assistant", "Hello."), Turn("user", "Hi."))


def typed_texts(template: ChatTemplate, turns) -> list[str]:
    rendered = template.render(turns)
    return [rendered.text[start:end] for start, end, _ in rendered.typed]


def test_chatml_renders_every_turn_and_marks_what_was_typed():
    rendered = ChatTemplate(CHATML).render(GREETED)
    assert rendered.text == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
        "<|im_start|>user\nHi.<|im_end|>\n<|im_start|>assistant\n"
    )
    assert [rendered.text[s:e] for s, e, _ in rendered.typed] == ["Be kind.", "Hello.", "Hi."]
    assert [role for _, _, role in rendered.typed] == ["system", "assistant", "user"]


def test_a_template_that_insists_on_alternating_roles_gets_an_opening_and_the_system_text():
    template = ChatTemplate(ALTERNATING_ONLY, bos="<s>", eos="</s>")
    assert not template.is_fallback
    assert template.render(GREETED).text == "<s>[INST] Be kind.\n\n… [/INST]Hello.</s>[INST] Hi. [/INST]"


def test_consecutive_turns_of_one_role_are_joined_when_the_template_refuses_them():
    template = ChatTemplate(ALTERNATING_ONLY, bos="<s>", eos="</s>")
    text = template.render((Turn("user", "One."), Turn("user", "Two."))).text
    assert text == "<s>[INST] One.\n\nTwo. [/INST]"


def test_a_template_without_a_system_role_gets_the_system_text_in_the_first_message():
    template = ChatTemplate(NO_SYSTEM)
    assert template.render((Turn("system", "Be kind."), Turn("user", "Hi."))).text == (
        "<start_of_turn>user\nBe kind.\n\nHi.<end_of_turn>\n<start_of_turn>model\n"
    )


def test_a_trimming_template_trims_what_was_typed():
    template = ChatTemplate(LLAMA3, bos="<|begin_of_text|>")
    assert typed_texts(template, (Turn("user", "  Hi. \n"),)) == ["Hi."]


def test_earlier_reasoning_is_not_shown_again_and_thinking_is_off():
    template = ChatTemplate(REASONING)
    text = template.render((Turn("user", "Hi."), Turn("assistant", "<think>hm</think>\n\nHello."), Turn("user", "So?"))).text
    assert "hm" not in text
    assert "assistant\nHello.<|im_end|>" in text
    assert text.endswith("<think>\n\n</think>\n\n")


def test_continuing_ends_where_the_last_text_ends():
    rendered = ChatTemplate(CHATML).render((Turn("user", "Hi."), Turn("assistant", "Once upon")), continue_last=True)
    assert rendered.text.endswith("<|im_start|>assistant\nOnce upon")


@pytest.mark.parametrize(
    ("source", "chatml", "name"),
    [
        ("", True, "ChatML"),
        ("", False, "Plain dialogue"),
        ("{% for", True, "ChatML"),
        ("{{ ().__class__.__bases__[0].__subclasses__() }}", False, "Plain dialogue"),
        ("{% for m in messages %}{{ m.content.upper() }}{% endfor %}", True, "ChatML"),
        ("{{ messages | nosuchfilter }}", True, "ChatML"),
        ("no messages at all", True, "ChatML"),
        ("{% for i in range(10**9) %}x{% endfor %}", False, "Plain dialogue"),
        ("x" * 300_000, True, "ChatML"),
    ],
)
def test_a_missing_or_hostile_template_has_a_named_fallback(source, chatml, name):
    template = ChatTemplate(source, has_chatml_tokens=chatml)
    assert template.is_fallback
    assert template.name == name
    assert typed_texts(template, GREETED) == ["Be kind.", "Hello.", "Hi."]


def test_the_tag_that_marks_generation_is_understood():
    source = "{% for m in messages %}<{{ m.role }}>{% generation %}{{ m.content }}{% endgeneration %}\n{% endfor %}"
    assert not ChatTemplate(source).is_fallback


def test_a_template_that_repeats_a_message_is_refused_at_rendering():
    template = ChatTemplate("{% for m in messages %}<{{ m.role }}>{{ m.content }} {{ m.content }}\n{% endfor %}")
    with pytest.raises(TemplateError):
        template.render(GREETED)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXT), min_size=1, max_size=8)


@settings(max_examples=200, deadline=None)
@given(turns=TURNS, source=st.sampled_from([CHATML, LLAMA3, ALTERNATING_ONLY, NO_SYSTEM, REASONING]))
def test_whatever_was_typed_comes_out_whole_and_in_order(turns, source):
    template = ChatTemplate(source, bos="<s>", eos="</s>")
    turns = [Turn(role, text.replace("</think>", "")) for role, text in turns]
    found = "\x01".join(typed_texts(template, turns))
    at = 0
    for turn in turns:
        at = found.index(turn.text.strip(), at)


SYSTEM_LAST = (
    "{% for m in messages %}{% if m.role == 'system' %}{% elif m.role == 'user' %}[INST]"
    "{% if loop.last and messages[0].role == 'system' %}{{ messages[0].content }}\n\n{% endif %}{{ m.content }}[/INST]"
    "{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"
)


def test_a_template_that_moves_the_system_text_to_the_end_gets_it_in_the_first_message():
    template = ChatTemplate(SYSTEM_LAST)
    assert not template.is_fallback
    turns = (Turn("system", "Be kind."), Turn("user", "Hi."), Turn("assistant", "Hello."), Turn("user", "So?"))
    assert template.render(turns).text == "[INST]Be kind.\n\nHi.[/INST]Hello.</s>[INST]So?[/INST]"
