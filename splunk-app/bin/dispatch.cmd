@echo off
rem Starts the input on the runtime for Windows, or says why there is none.
if exist "%~dp0..\windows_x86_64\bin\kinesis_log.cmd" "%~dp0..\windows_x86_64\bin\kinesis_log.cmd" %*
if "@PACKAGE@"=="slim" goto slim
>&2 echo ERROR kinloader: this package is for @PACKAGE@, this host is windows: install kinloader-windows.tar.gz
exit 1
:slim
set "NODE_OPTIONS="
set "NODE_PATH="
set "OPENSSL_CONF="
set "OPENSSL_MODULES="
if not defined KINLOG_NODE for %%N in (node.exe) do set "KINLOG_NODE=%%~$PATH:N"
if exist "%KINLOG_NODE%" goto found
>&2 echo ERROR kinloader: this package needs Node.js @NODE@ or later, and there is no node.exe in PATH: name one with KINLOG_NODE in splunk-launch.conf, or install kinloader-windows.tar.gz
exit 1
:found
rem As in the launcher with a runtime: no question at CTRL_BREAK, and the program's exit status.
goto #_left_# 2>nul || title %COMSPEC% & "%KINLOG_NODE%" "%~dp0slim.cjs" %*
