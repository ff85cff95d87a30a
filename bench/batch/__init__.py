"""A million customers scored at once: the batch job's steps beside scikit-learn alone."""
