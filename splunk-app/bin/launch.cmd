@echo off
rem Starts the input on the runtime beside it. What is set here ends with the cmd.exe that splunkd started.
set "NODE_OPTIONS="
set "NODE_PATH="
set "OPENSSL_CONF="
set "OPENSSL_MODULES="
rem There is no such label: cmd leaves the file and runs the rest of the line as if it were typed. So it does not ask "Terminate batch job?" at CTRL_BREAK, and its exit status is the program's. The shims of npm do the same.
goto #_left_# 2>nul || title %COMSPEC% & "%~dp0node.exe" "%~dp0..\..\bin\kinloader.cjs" %*
