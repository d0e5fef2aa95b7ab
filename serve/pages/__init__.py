"""The pages: the form of a customer, the model in use, and the documentation of the API."""
