"""The demonstration on real brain data, one file for each job."""
