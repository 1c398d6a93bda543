"""The job process: training on the GGUF the person chats with. PyTorch is imported here and nowhere else."""
