"""What the lanes' figures amount to: medians, the verdict, what-ifs, one run against another."""
