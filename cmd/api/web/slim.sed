# What of a page's file the browser needs: no indentation, no comments but those with a quotation in them behind code, no spaces in a
# style's line.
s/^ +//
/^\/\/.*$/d
/^\/\*.*\*\/$/d
/^\/\*\*/,/\*\/$/d
s# +// [^"]*$##
/^[^"'`]*\{ .*; \}$/{
s/([a-z]): /\1:/g
s/; /;/g
s/ \{ /{/g
s/, /,/g
s/ > />/g
s/;\}$/}/
}
/^$/d
