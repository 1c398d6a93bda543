"""transformers + peft, with trl or a plain loop, train a LoRA adapter: `python -m tests.benchmarks.peers.peft_train TASK.json`.

The task names the GGUF model, the tokens and masks, and the settings; what was measured goes to its `result` file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback, get_cosine_schedule_with_warmup
from trl import SFTConfig, SFTTrainer

IGNORED = -100
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Clock(TrainerCallback):
    """When the first step began and the last one ended."""

    began = ended = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began = self.began or time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.ended = time.perf_counter()


def rows(examples: list[dict[str, Any]]) -> Dataset:
    return Dataset.from_list(
        [
            {
                "input_ids": example["tokens"],
                "labels": [t if learn else IGNORED for t, learn in zip(example["tokens"], example["learn"], strict=True)],
            }
            for example in examples
        ]
    )


def held_out_loss(model: Any, examples: list[dict[str, Any]], device: str) -> float:
    """Nats per supervised token, one dialogue at a time."""
    total, count = 0.0, 0
    model.eval()
    for example in examples:
        tokens = torch.tensor([example["tokens"]], device=device)
        with torch.no_grad(), torch.autocast(device, torch.bfloat16):
            logits = model(input_ids=tokens).logits[0, :-1].float()
        learn = torch.tensor(example["learn"][1:], device=device)
        losses = torch.nn.functional.cross_entropy(logits[learn], tokens[0, 1:][learn], reduction="sum")
        total, count = total + losses.item(), count + int(learn.sum())
    model.train()
    return total / count


def collate(examples: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    longest = max(len(example["input_ids"]) for example in examples)

    def padded(name: str, filler: int) -> torch.Tensor:
        return torch.tensor([[*example[name], *[filler] * (longest - len(example[name]))] for example in examples])

    mask = torch.tensor([[1] * len(e["input_ids"]) + [0] * (longest - len(e["input_ids"])) for e in examples])
    return {"input_ids": padded("input_ids", 0), "labels": padded("labels", IGNORED), "attention_mask": mask}


def train_with_trl(model: Any, task: dict[str, Any], device: str) -> tuple[Any, float]:
    """The trained model, and seconds from the first step's begin to the last one's end."""
    clock = Clock()
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=task["folder"],
            per_device_train_batch_size=task["dialogues_per_step"],
            max_steps=task["steps"],
            learning_rate=task["learning_rate"],
            lr_scheduler_type="cosine",
            warmup_steps=task["warmup_steps"],
            max_grad_norm=1.0,
            weight_decay=0.0,
            bf16=True,
            use_cpu=device == "cpu",
            gradient_checkpointing=False,
            logging_steps=task["steps"],
            save_strategy="no",
            report_to=[],
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=None,
            seed=0,
            disable_tqdm=True,
        ),
        train_dataset=rows(task["examples"]),
        data_collator=collate,
        processing_class=PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.BPE()), pad_token="<|endoftext|>", eos_token="<|im_end|>"
        ),
        peft_config=lora_config(task),
        callbacks=[clock],
    )
    trainer.train()
    return trainer.model, clock.ended - clock.began


def train_with_a_plain_loop(model: Any, task: dict[str, Any], device: str) -> tuple[Any, float]:
    """The same with peft and a loop of a few lines: what a hobbyist who wants speed would write."""
    model = get_peft_model(model, lora_config(task))
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=task["learning_rate"], weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, task["warmup_steps"], task["steps"])
    model.train()
    size = task["dialogues_per_step"]
    dataset = rows(task["examples"])
    began = time.perf_counter()
    for step in range(task["steps"]):
        batch = {k: v.to(device) for k, v in collate(list(dataset.select(range(step * size, step * size + size)))).items()}
        with torch.autocast(device, torch.bfloat16):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return model, time.perf_counter() - began


def lora_config(task: dict[str, Any]) -> LoraConfig:
    return LoraConfig(r=task["rank"], lora_alpha=task["alpha"], target_modules=TARGETS, task_type="CAUSAL_LM")


def main(task_file: str) -> None:
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    torch.set_num_threads(task["threads"])
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    path = Path(task["model"])
    unpacked = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.bfloat16)
    config = unpacked.config
    del config.quantization_config  # transformers refuses to train what came from a GGUF, though it unpacked it
    model = type(unpacked)(config).to(device=device, dtype=torch.bfloat16)
    model.load_state_dict(unpacked.state_dict())
    del unpacked
    before = held_out_loss(model, task["held_out"], device)
    train = train_with_trl if task["loop"] == "trl" else train_with_a_plain_loop
    trained, seconds = train(model, task, device)
    result = {
        "seconds": seconds,
        "before": before,
        "after": held_out_loss(trained, task["held_out"], device),
        "trainable": sum(p.numel() for p in trained.parameters() if p.requires_grad),
        "gpu_bytes": torch.cuda.max_memory_allocated() if device == "cuda" else 0,
    }
    Path(task["result"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
