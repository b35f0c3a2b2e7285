"""Given names, and the short, familiar and foreign forms people use for them.

Each line reads `name: forms`. A form can stand for several names; two names that share a
form are still two names (`caro` meets `caroline` and `carole`, which do not meet).
"""

from __future__ import annotations

from functools import lru_cache

_FAMILIAR_FORMS = """
agnes: nanou
albert: al bert bebert
alexandra: alex sandra alexa sacha alexia
alexandre: alex sacha sandro xandre alexander
alexander: alex sandy sasha xander alec
alexis: alex
alfred: fred freddy alf
alice: lili alicia
amandine: amande mandine
amelie: amel lili
andrew: andy drew
angelique: angie
anne: annie nanou anna ann annette
annie: nanou
anthony: tony antho anto
antoine: tonio tony toine antonin
antoinette: toinette nettie
arnaud: arno
arthur: art
aurelie: lilie aure
aurelien: aurel
barbara: barb babs barbie
bartholomew: bart
beatrice: bea
benedicte: bene
benjamin: ben benji benj
benoit: ben beno
bernadette: dadette
bernard: nanard
bertrand: bebert
brigitte: bri gigitte
bruno: bru
camille: cam cami
carole: caro
caroline: caro carol line
catherine: cathy cath kathy cat kate cate katherine katia
cecile: cecilou
celine: line
charles: charlie chuck charly
charlotte: charlie lotte cha lottie
chantal: chanchan
christelle: chris christel
christian: chris
christiane: chris
christine: chris christy tina kristine
christophe: chris tof toph kris christo
christopher: chris kit topher
claire: clairette
claudine: clo
clement: clem
clementine: clem
clotilde: clo
corinne: coco corine
cyril: cyrille
damien: dam
daniel: dan dany danny
danielle: dany dani
david: dave davy davey
deborah: debbie debby deb
delphine: delph
denis: denys
didier: didou
dominique: dom domi
donald: don donnie
dorothee: doro
dorothy: dot dottie dolly
edouard: ed eddy edward doudou
edward: ed eddie ted teddy ned
eleonore: leo nora elea
eliane: lili
elisabeth: babeth elise zabeth lisa beth betty lise liz elizabeth babette lisbeth lili
elizabeth: liz beth betty lisa eliza lizzie libby bess
elodie: elo
emilie: mimi emily emi
emmanuel: manu
emmanuelle: manu
eric: erick erik
estelle: este stella
etienne: steph
eugene: gene
evelyne: eve evelyn
fabien: fab
fabienne: fab
fabrice: fab
florence: flo
florent: flo
florian: flo
frances: fran fanny francie
francis: frank fran
francois: franck fanfan francky
francoise: fanfan framboise soizic
frederic: fred fredo freddy frederick
frederick: fred freddie rick
frederique: fred
gabriel: gaby gab gabe
gabrielle: gaby gab
genevieve: gene ginette
geoffrey: jeff geoff
gerald: gerry jerry
gerard: gege
germaine: maine
gilbert: gil
gilles: gillou
gisele: gigi
gregory: greg
gregoire: greg
guillaume: guigui gui william guillaum
guy: guitou
gwenaelle: gwen
gwendoline: gwen
helene: lena leni nelly
henri: riri riton henry
henry: harry hank hal
herve: rv
hubert: hub
hugo: hug
ingrid: inge
isabelle: isa zaza babelle isabel belle
jacqueline: jacky jackie line jacotte
jacques: jacky jacquot jack jacquy
james: jim jimmy jamie
janet: jan
jean: jeannot john jano
jeanbaptiste: jb jeanba
jeanclaude: jc jeanclo
jeanfrancois: jf jeff
jeanlouis: jl
jeanluc: jl
jeanmarc: jm
jeanmarie: jm
jeanmichel: jm
jeanne: jeannette jane
jeanpaul: jp
jeanphilippe: jp
jeanpierre: jp
jeanyves: jy
jennifer: jen jenny jenn jennie
jeremie: jerem
jeremy: jerem jerry
jerome: jerry gege
jessica: jess jessie
joelle: jo
john: jack johnny jon
jonathan: jo jon nathan john johnny
joseph: jo jojo joe jose joey
josephine: jo josie fifine
josette: jo
josiane: jo josy
joshua: josh
judith: judy
julie: ju juju
julien: ju juju jules
juliette: ju juju julie
justine: just titine
karine: karin carine
katherine: kate kathy katie kit kitty kath katy
kenneth: ken kenny
kevin: kev
kimberly: kim
laetitia: laeti leti titia
lawrence: larry
laurence: lau lolo
laurent: lolo lau
leonard: leo lenny len
leonie: leo
leopold: leo
liliane: lili lily
louis: loulou lou
louise: loulou lou
lucien: lulu
lucienne: lulu
lucas: luc luka lukas
ludovic: ludo
lydia: lyd
madeleine: mado mad madelon
magali: mag magalie
manon: mano
marc: marco mark marcus
marcel: marcelo
margaret: maggie meg peggy marge margie greta
marguerite: margot margo maguy
marianne: marie
marie: mimi mary maria
mariechristine: mc
mariefrance: mf
mariejose: mj
mariepierre: mp
marielouise: malou
marine: marinou
marjorie: marge margie
martine: titine tine
mary: molly polly
mathieu: mat math matthieu mathew
mathilde: mathou tilde
matthew: matt
maurice: momo
maxime: max maxou
maximilien: max
melanie: mel mela
melissa: mel missy
micheline: mimi
michael: mike micky mick mickael mikael mickey mich
michel: mich michou
michele: mich michou mimi michelle
mireille: mimi
mohamed: momo mohammed mo med mehmed mohammad muhammad
monique: momo mony nicky
muriel: mumu
nathalie: nath nat natacha nathy
nathan: nat nate
nathaniel: nat nate nathan
nicholas: nick nicky
nicolas: nico nick colas
nicole: nicky nic
noemie: no mimi
odile: dilou
olivia: liv olive livia
olivier: oliv olive oli
pamela: pam
pascal: pasc
pascale: pasc
patrice: pat
patricia: pat patou patty trish tricia pati
patrick: pat patou paddy patoche
paul: paulo popaul
paulette: pauline paule
pauline: popo
peter: pete
philippe: phil philou philip
philip: phil pip
pierre: pierrot pierrick peter
quentin: quent
rachel: rach
raphael: raph rafael raf
rebecca: becky becca
regine: reg
remi: remy
richard: rick dick ricky rich richie
robert: bob bobby rob bert robby roby
roger: rog
roland: rolland
romain: rom
ronald: ron ronnie
sabrina: sab
samantha: sam
samuel: sam sammy
sandra: sandrine sandy
sandrine: sandra sandy
sarah: sara sally
sebastien: seb bastien sebastian
severine: seve sev
simone: monette
solange: soso
sophie: soph sof
stanislas: stan
stephane: steph stef stephan
stephanie: steph stef fanny phanie
stephen: steve
steven: steve
susan: sue suzy susie
suzanne: suzy suzon zette
sylvain: sylv
sylvie: syl
therese: tess terry
theodore: theo ted teddy
theophile: theo
theresa: terry tess tracy
thibault: thib thibaud thibaut tibo
thierry: titi
thomas: tom tommy toto thom
timothee: tim
timothy: tim timmy
valentin: val
valentine: val
valerie: val valou
vanessa: vava nessa
veronique: vero veronica
victor: vic vico
victoria: vicky tori vic
vincent: vince vins
virginie: virg ginie nini
vivien: viv
viviane: viv vivi
walter: walt wally
william: will bill billy willy liam willie
xavier: xav
yann: yannick yan
yannick: yann yan
yvette: vevette
yvonne: vonette
zacharie: zac zach
zachary: zac zach zack
zoe: zozo
"""

_OTHER_SPELLINGS = """
ahmed: ahmad
aisha: aysha aicha ayesha
abdullah: abdallah abdulla
alexander: aleksandr alexandr
alexey: aleksey aleksei alexei
antonio: tono toni
bridget: brid bridie
catherine: cait caitlin kathleen
charles: chas
daniel: danl
dimitrios: dimitris
dmitry: dmitrii dmitri dmitriy dimitri
dolores: lola
edward: edw edwd
elizabeth: eliz
evgeny: yevgeny evgenii eugene
fatima: fatma fatimah
francisco: fco paco pancho
frederick: fredk
friedrich: fritz
george: geo
georgios: giorgos yiorgos george
giuseppe: beppe
hassan: hasan
hussein: hussain husain husein hossein
ibrahim: ebrahim
ignacio: nacho
ioannis: giannis yannis
ivan: vanya
jamal: gamal
james: seamus jas
johannes: johann hans
john: sean jno
jose: pepe
joseph: jos
karim: kareem
katerina: ekaterina yekaterina
khadija: khadijah
khalid: khaled
konstantinos: kostas
ksenia: kseniya kseniia xenia
layla: laila leila leyla
manuel: manolo
margaret: mairead margt
maria: ma mari
mariam: maryam miriam
mary: maire maura
mikhail: misha
mohamed: mohd muhamad muhammed
natalia: natalya nataliia natasha
nathaniel: nathl
nikolaos: nikos
nour: noor nur
omar: umar omer
osman: uthman othman
panagiotis: panos
patrick: padraig
peder: per petter
rashid: rasheed
richard: richd
robert: robt
said: saeed
samuel: saml
sergey: sergei sergej serguei
suleiman: sulayman sulaiman soliman
tariq: tarek tareq
tatiana: tatyana tatjana tanya
thomas: thos
vladimir: volodymyr vova
yelena: elena
yulia: yuliya iuliia julia
yury: yuri iurii juri
yusuf: youssef yousef yousuf
zainab: zaynab zeinab
"""
"""Names that come out of other scripts in several ways, those of other languages, and what old
registers abbreviate."""

_NAMES_OF_FORM: dict[str, set[str]] = {}
for _line in (_FAMILIAR_FORMS + _OTHER_SPELLINGS).strip().splitlines():
    _name, _, _forms = _line.partition(": ")
    for _form in _forms.split():
        _NAMES_OF_FORM.setdefault(_form, set()).add(_name)


@lru_cache(maxsize=65536)
def roots_of(given_name: str) -> frozenset[str]:
    """Return the names that `given_name` can stand for, itself included.

    In lower-case ASCII, run together.
    """
    return frozenset({given_name} | _NAMES_OF_FORM.get(given_name, set()))
