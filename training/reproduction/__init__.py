"""The paper's claims measured on a small pipeline: data, rewards, alignments, report."""
