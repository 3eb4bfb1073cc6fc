"""Texts to unit vectors: where the model's files are, how they become a graph, and the encoders that answer.

Read in this order: `model_files` → `architecture` → `bert_graph` → `convert` → `onnx_encoder`; `open` picks the encoder.
"""
