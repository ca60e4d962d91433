# And of a script's lines that have nothing in them that could be text or a pattern: no spaces where the language wants none.
# tests/clients/test_js.py compares the programs: a text over several lines would be changed.
/^[^"'`\/]*$/{
s/ ?(=>|[=!]==|&&|\|\||\?\?=?|[-+*]?=|[<>]=?|[?:{}]) ?/\1/g
s/, /,/g
}
