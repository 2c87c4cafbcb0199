"""What a run on one machine needs beside the broker: a worker as a child process, and a gateway that actions change."""
