"""Control tags: tokens such as <joy> before a reply, which say in which mood it is written (Keskar et al. 2019, CTRL).

The chat template writes the tag, since nobody can type a control token: a system message that names it as text asks for it.
So a dialogue of the label “mood” is trained as the chat will be later, with “<joy>” somewhere in the system prompt.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from companion.core.dataset import DOCUMENT, Dialogue, DialogueTurn

TURN_BEGINS: Final = "<|im_start|>"
TURN_ENDS: Final = "<|im_end|>"
BEGIN: Final = "<|begin|>"
"""Before every text."""
LABEL: Final = "mood"


def tagged(dialogue: Dialogue, tags: Collection[str]) -> Dialogue:
    """The dialogue with the tag of its mood named in the system message; as it is when it has none among `tags`."""
    if LABEL not in dialogue.labels or DOCUMENT in dialogue.labels:
        return dialogue
    mood = dialogue.labels[LABEL].strip().casefold()
    tag = next((tag for tag in tags if mood and tag.strip("<>").casefold() == mood), "")
    if not tag:
        return dialogue
    first, rest = dialogue.messages[:1], dialogue.messages[1:]
    if first and first[0].role == "system":
        return msgspec.structs.replace(dialogue, messages=(DialogueTurn("system", f"{first[0].content}\n{tag}"), *rest))
    return msgspec.structs.replace(dialogue, messages=(DialogueTurn("system", tag), *dialogue.messages))


def chat_template(tags: Sequence[str] = ()) -> str:
    """ChatML (Jinja). When a system message holds one of `tags`, that control token stands before every reply."""
    mood = "{{ mood.tag }}" if tags else ""
    before = f"{{% if message['role'] == 'assistant' %}}{mood}{{% endif %}}" if tags else ""
    turns = (
        f"{{% for message in messages %}}{TURN_BEGINS}{{{{ message['role'] }}}}{{{{ '\\n' }}}}{before}"
        f"{{{{ message['content'] }}}}{TURN_ENDS}{{{{ '\\n' }}}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{TURN_BEGINS}assistant{{{{ '\\n' }}}}{mood}{{% endif %}}"
    )
    if not tags:
        return turns
    names = msgspec.json.encode(list(tags)).decode()
    return (
        "{% set mood = namespace(tag='') %}{% for message in messages if message['role'] == 'system' %}"
        f"{{% for tag in {names} if tag in message['content'] %}}{{% set mood.tag = tag %}}{{% endfor %}}{{% endfor %}}{turns}"
    )
