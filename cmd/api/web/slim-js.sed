# And of a script's lines that have nothing in them that could be text or a pattern: no spaces where the language wants none.
/^[^"'`\/]*$/{
s/ ?(=>|[=!]==|&&|\|\||\?\?=?|[-+*]?=|[<>]=?|[?:{}]) ?/\1/g
s/, /,/g
}
