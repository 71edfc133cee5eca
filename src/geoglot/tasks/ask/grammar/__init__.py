"""The grammar of questions: plain text, noun phrases, forms, queries, and the program that a query becomes."""
