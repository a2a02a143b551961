"""The model for places where wedgefit is not installed: Python, SQL, ONNX."""
