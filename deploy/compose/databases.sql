-- The database of Metaflow's metadata service, beside that of the prediction log.
CREATE DATABASE metaflow;
