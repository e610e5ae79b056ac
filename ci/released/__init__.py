"""The parts of a release: wheels, images, chart."""
