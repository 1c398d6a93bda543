; The installer for Windows, made by Inno Setup 6 of the folder that packaging/freeze.py has made:
;     iscc /DVersion=0.1.0 /DSource=..\..\dist\companion /DIcons=..\..\build\icons /O..\..\dist packaging\windows\companion.iss
; For one person by default and without an administrator; /VERYSILENT installs without a question.

#ifndef Version
  #error Say which version: /DVersion=0.1.0
#endif

[Setup]
AppId={{6B1C1E0E-5C2B-4E7E-9A77-2B6A3B1C5C10}
AppName=Companion
AppVersion={#Version}
AppPublisher=The founders of Companion
AppPublisherURL=https://github.com/companion/companion
DefaultDirName={autopf}\Companion
DefaultGroupName=Companion
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog commandline
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
ChangesAssociations=yes
CloseApplications=yes
LicenseFile=..\..\LICENSE
SetupIconFile={#Icons}\companion.ico
UninstallDisplayIcon={app}\companion.exe
OutputBaseFilename=companion-{#Version}-windows-x64
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern

[Tasks]
Name: desktopicon; Description: "{cm:CreateDesktopIcon}"; Flags: unchecked
Name: associate; Description: "Open models (.gguf) and character cards (.charx) with Companion"

[Files]
Source: "{#Source}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[InstallDelete]
; Libraries of the version before, whose names may have changed.
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
Name: "{group}\Companion"; Filename: "{app}\companion.exe"
Name: "{autodesktop}\Companion"; Filename: "{app}\companion.exe"; Tasks: desktopicon

[Registry]
Root: HKA; Subkey: "Software\Classes\.gguf\OpenWithProgids"; ValueType: string; ValueName: "Companion.Model"; ValueData: ""; Flags: uninsdeletevalue; Tasks: associate
Root: HKA; Subkey: "Software\Classes\.charx\OpenWithProgids"; ValueType: string; ValueName: "Companion.Card"; ValueData: ""; Flags: uninsdeletevalue; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Companion.Model"; ValueType: string; ValueData: "Language model"; Flags: uninsdeletekey; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Companion.Model\shell\open\command"; ValueType: string; ValueData: """{app}\companion.exe"" ""%1"""; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Companion.Card"; ValueType: string; ValueData: "Character card"; Flags: uninsdeletekey; Tasks: associate
Root: HKA; Subkey: "Software\Classes\Companion.Card\shell\open\command"; ValueType: string; ValueData: """{app}\companion.exe"" ""%1"""; Tasks: associate

[Run]
Filename: "{app}\companion.exe"; Description: "{cm:LaunchProgram,Companion}"; Flags: nowait postinstall skipifsilent

[Code]
procedure CurUninstallStepChanged(Step: TUninstallStep);
var
  Folder: String;
begin
  Folder := ExpandConstant('{localappdata}\companion');
  if (Step = usPostUninstall) and DirExists(Folder) and not UninstallSilent then
    if MsgBox('Delete your conversations, characters, models and settings, too?' + #13#10 + Folder,
              mbConfirmation, MB_YESNO or MB_DEFBUTTON2) = IDYES then
      DelTree(Folder, True, True, True);
end;
