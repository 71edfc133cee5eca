"""The version, which every manifest and document carries."""

__version__ = "0.1.0"
