"""The version, which every manifest and document carries."""

__version__ = "0.2.0"
