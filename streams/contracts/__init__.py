"""The contract with writers and readers of the topics: message types, schemas, topics, AsyncAPI document.

`catalogue` lists the message types, `channels` the topics, `fields` describes the fields; `schemas` and `asyncapi`
make JSON Schemas and the AsyncAPI document of them. `released` keeps the schemas as last released, and
`compatible` says what a change of them would break. `README.md` beside this file is the text for readers.
"""
