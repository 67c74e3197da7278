"""Convolutions over each algebra, streamed over the taps of the kernel: no array of patches is ever made."""
