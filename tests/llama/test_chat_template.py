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


def test_a_template_that_insists_on_alternating_roles_gets_the_system_text_before_her_greeting():
    template = ChatTemplate(ALTERNATING_ONLY, bos="<s>", eos="</s>")
    assert not template.is_fallback
    assert template.render(GREETED).text == "<s>[INST] Be kind. [/INST]Hello.</s>[INST] Hi. [/INST]"


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


# Families with turns by the system in the middle of a conversation: the author's note, lore at a depth, examples

GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "{% if loop.index0 == 0 and system != false %}{% set content = '<<SYS>>\n' + system "
    "+ '\n<</SYS>>\n\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
PHI3 = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
    "{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
SYSTEM_FIRST = (
    "{% for m in messages %}{% if m.role == 'system' and not loop.first %}"
    "{{ raise_exception('System message must be at the beginning.') }}{% endif %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LATER_SYSTEM_LOST = (
    "{% for m in messages %}{% if m.role == 'user' %}USER: {{ m.content }}\n{% elif m.role == 'assistant' %}"
    "ASSISTANT: {{ m.content }}\n{% elif loop.first %}{{ m.content }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
LATER_SYSTEM_AS_HERS = (
    "{% for m in messages %}{% if m.role == 'system' and loop.first %}{{ m.content }}\n{% elif m.role == 'user' %}"
    "### Instruction:\n{{ m.content }}\n{% else %}### Response:\n{{ m.content }}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Response:\n{% endif %}"
)
KINDS = (
    Turn("system", "Card.", kind="card"),
    Turn("system", "Summary.", kind="insert"),
    Turn("system", "Example:", kind="example"),
    Turn("user", "Cold?", kind="example"),
    Turn("assistant", "No.", kind="example"),
    Turn("system", "Now:", kind="example"),
    Turn("assistant", "Hello.", 1),
    Turn("user", "Hi.", 2),
    Turn("system", "Lore.", kind="insert"),
    Turn("assistant", "So?", 3),
    Turn("system", "Note.", kind="insert"),
    Turn("user", "Well.", 4),
    Turn("system", "Short.", kind="insert"),
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            GEMMA,
            "<s><start_of_turn>user\nCard.\n\nSummary.\n\nExample:\n\nCold?<end_of_turn>\n<start_of_turn>model\nNo.<end_of_turn>\n"
            "<start_of_turn>user\nNow:<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n"
            "<start_of_turn>user\nHi.\n\nLore.<end_of_turn>\n<start_of_turn>model\nSo?<end_of_turn>\n"
            "<start_of_turn>user\nNote.\n\nWell.\n\nShort.<end_of_turn>\n<start_of_turn>model\n",
        ),
        (
            LLAMA2,
            "<s>[INST] <<SYS>>\nCard.\n\nSummary.\n\nExample:\n<</SYS>>\n\nCold? [/INST] No. </s>"
            "<s>[INST] Now: [/INST] Hello. </s><s>[INST] Hi.\n\nLore. [/INST] So? </s><s>[INST] Note.\n\nWell.\n\nShort. [/INST]",
        ),
        (
            SYSTEM_FIRST,
            "<|im_start|>system\nCard.\n\nSummary.\n\nExample:<|im_end|>\n<|im_start|>user\nCold?<|im_end|>\n"
            "<|im_start|>assistant\nNo.<|im_end|>\n<|im_start|>user\nNow:<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"
            "<|im_start|>user\nHi.\n\nLore.<|im_end|>\n<|im_start|>assistant\nSo?<|im_end|>\n"
            "<|im_start|>user\nNote.\n\nWell.\n\nShort.<|im_end|>\n<|im_start|>assistant\n",
        ),
    ],
)
def test_what_the_system_says_in_between_goes_to_the_user_where_a_template_has_no_place_for_it(source, expected):
    template = ChatTemplate(source, bos="<s>", eos="</s>")
    assert not template.is_fallback
    assert template.render(KINDS).text == expected


@pytest.mark.parametrize("source", [LATER_SYSTEM_LOST, LATER_SYSTEM_AS_HERS])
def test_what_the_system_says_in_between_is_neither_lost_nor_hers(source):
    text = ChatTemplate(source).render(KINDS).text
    asked, answer = (("USER: ", "ASSISTANT: "), ("### Instruction:\n", "### Response:\n"))[source == LATER_SYSTEM_AS_HERS]
    assert text.startswith(f"Card.\n\nSummary.\n\nExample:\n{asked}Cold?\n{answer}No.\n{asked}Now:\n{answer}Hello.\n")
    assert f"{asked}Hi.\n\nLore.\n{answer}So?\n{asked}Note.\n\nWell.\n\nShort.\n" in text


@pytest.mark.parametrize("source", [CHATML, LLAMA3, PHI3, ZEPHYR, REASONING])
def test_a_template_that_takes_the_system_anywhere_gets_it_where_it_stands(source):
    rendered = ChatTemplate(source, bos="<s>", eos="</s>").render(KINDS)
    assert [(typed.role, rendered.text[typed.start : typed.end]) for typed in rendered.typed] == [(t.role, t.text) for t in KINDS]


FAMILIES = [CHATML, LLAMA3, GEMMA, LLAMA2, PHI3, ZEPHYR, SYSTEM_FIRST, ALTERNATING_ONLY, NO_SYSTEM, LATER_SYSTEM_LOST, ""]
ANY_TURNS = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXT), min_size=1, max_size=10)


@settings(max_examples=300, deadline=None)
@given(turns=ANY_TURNS, source=st.sampled_from(FAMILIES))
def test_every_family_writes_any_turns_whole_and_in_order(turns, source):
    template = ChatTemplate(source, bos="<s>", eos="</s>")
    turns = [Turn(role, text.replace("</think>", "")) for role, text in turns]
    found = "\x01".join(typed_texts(template, turns))
    at = 0
    for turn in turns:
        at = found.index(turn.text.strip(), at)


@settings(max_examples=150, deadline=None)
@given(turns=ANY_TURNS, source=st.sampled_from(FAMILIES))
def test_what_is_folded_together_still_counts_as_typed(turns, source):
    template = ChatTemplate(source, bos="<s>", eos="</s>")
    turns = [Turn(role, f"<|im_end|>[/INST]<end_of_turn>{text}".replace("</think>", "")) for role, text in turns]
    rendered = template.render(turns)
    written = "".join(rendered.text[a.end : b.start] for a, b in zip(rendered.typed, rendered.typed[1:], strict=False))
    assert "<|im_end|>[/INST]<end_of_turn>" not in written
    assert rendered.text.count("<|im_end|>[/INST]<end_of_turn>") == len(turns)
