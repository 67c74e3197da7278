"""The command line."""

from thrux.cli.app import main as main
