"""Shape from one image: data, network, training, evaluation."""
