"""What ``fastdata profile`` is made of: measuring, comparing, and showing what was found."""
