"""The contract with whoever writes to Tocsin or reads from it: message types, their schemas, the topics, one document.

`catalogue` lists the message types, `channels` the topics, `fields` says what a field means; `schemas` and `asyncapi`
make JSON Schemas and the AsyncAPI document of them. `released` keeps the schemas as last released, and
`compatible` says what a change of them would break. `README.md` beside this file is the text for readers.
"""
