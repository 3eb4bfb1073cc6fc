"""Texts to unit vectors: where the model's files are, how they become a graph, and the encoders that answer.

Read in this order: `model_files` → `architecture` → `bert_graph` → `convert` → `onnx_encoder`; `open` picks the encoder.
"""

import os

# since 1.30 onnxruntime keeps a device's id and events under the user's cache as soon as it is imported, to send them; what is
# asked here is nobody's business, and a sidecar's folder may be read-only
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
