"""The figures of the documentation, drawn from data that the repository keeps."""
