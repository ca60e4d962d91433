# What of a page's file the browser needs: no indentation, no lines that are comments.
s/^ +//
/^\/\/.*$/d
/^\/\*.*\*\/$/d
/^$/d
