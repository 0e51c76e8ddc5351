use super::*;

#[test]
fn the_declaration_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn watches() {
    type Case<'c> = (&'c [&'c str], Result<&'c [&'c str], ErrorKind>);
    // The arguments; the watched symbols, or the kind of the error.
    let table: [Case<'_>; 19] = [
        (&[], Ok(&["btcusd", "ethusd"])),
        (&["btcusd", "BTCUSD", "solusd"], Ok(&["btcusd", "solusd"])),
        (&["--replay", "file"], Ok(&[])),
        (&["--replay", "file", "--venue", "simulator", "a"], Ok(&["a"])),
        (&["--replay", "file", "--venue", "live", "a"], Err(ErrorKind::ArgumentConflict)),
        (&["--venue", "live"], Err(ErrorKind::MissingRequiredArgument)),
        (&["--venue", "sandbox", "a"], Ok(&["a"])),
        (&["--venue", "ws://[::1]:9000/x", "a"], Ok(&["a"])),
        (&["--venue", "http://host", "a"], Err(ErrorKind::ValueValidation)),
        (&["--venue", "ws://", "a"], Err(ErrorKind::ValueValidation)),
        (&["--venue", "ws://:90", "a"], Err(ErrorKind::ValueValidation)),
        (&["--ca", "file"], Err(ErrorKind::ArgumentConflict)),
        (&["--platform-roots", "--replay", "file"], Err(ErrorKind::ArgumentConflict)),
        (&["--ca", "file", "--venue", "ws://host", "a"], Err(ErrorKind::ArgumentConflict)),
        (&["--ca", "file", "--venue", "wss://host", "a"], Ok(&["a"])),
        (&["--platform-roots", "--venue", "live", "a"], Ok(&["a"])),
        (&["btc usd"], Err(ErrorKind::ValueValidation)),
        (&["--for", "soon"], Err(ErrorKind::ValueValidation)),
        (&["--seed", "-1"], Err(ErrorKind::UnknownArgument)),
    ];
    for (arguments, expected) in table {
        let all = ["gemini-ws", "watch"].iter().chain(arguments);
        let found = match Arguments::try_parse_from(all).map(|arguments| arguments.task) {
            Ok(Task::Watch(mut watch)) => {
                check_watch(&mut watch).map(|()| watch.symbols).map_err(|(kind, _)| kind)
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.kind()),
        };
        let expected: Result<Vec<Symbol>, _> =
            expected.map(|symbols| symbols.iter().map(|symbol| symbol.parse().unwrap()).collect());
        assert_eq!(found, expected, "{arguments:?}");
    }
}

#[test]
fn accounts() {
    type Case<'c> = (&'c [&'c str], Result<&'c [[&'c str; 2]], &'c str>);
    // The arguments; the keys and secrets of the accounts, or a part of the error message.
    let table: [Case<'_>; 9] = [
        (&[], Ok(&[])),
        (&["--account", "account-a:hidden"], Ok(&[["account-a", "hidden"]])),
        (
            &["--account", "account-a:hidden:1", "--account", "account-b:2"],
            Ok(&[["account-a", "hidden:1"], ["account-b", "2"]]),
        ),
        (&["--account", "account-a"], Err("secret is empty")),
        (&["--account", "account-a:"], Err("secret is empty")),
        (&["--account", "hidden"], Err("begins with account-")),
        (&["--account", "account-:hidden"], Err("begins with account-")),
        (&["--account", "account-é:hidden"], Err("visible ASCII")),
        (&["--account", "account-a:hidden", "--account", "account-a:2"], Err("account-a is given twice")),
    ];
    for (arguments, expected) in table {
        let all = ["gemini-ws", "simulate"].iter().chain(arguments);
        let Task::Simulate(mut simulate) = Arguments::try_parse_from(all).unwrap().task else { panic!() };
        let checked = check_simulate(&mut simulate);
        let shown = format!("{simulate:?}");
        match (checked, expected) {
            (Ok(()), Ok(accounts)) => {
                let found: Vec<_> = simulate.accounts.iter().map(|it| [it.key(), it.secret()]).collect();
                assert_eq!(found, accounts, "{arguments:?}");
                assert!(!shown.contains("hidden"), "{shown}");
            }
            (Err((_, message)), Err(part)) => {
                assert!(message.contains(part) && !message.contains("hidden"), "{message}");
            }
            (checked, _) => panic!("{arguments:?}: {checked:?}"),
        }
    }
}

#[test]
fn wrong_numbers() {
    // The subcommand; an option; its wrong values; what the message must say.
    let (seed, port) = ("from 0 to 18446744073709551615", "from 0 to 65535");
    let table: [(&str, &str, &[&str], &str); 5] = [
        ("watch", "--seed", &["", "-1", "1.5", "18446744073709551616"], seed),
        ("simulate", "--seed", &["", "-1", "1.5", "18446744073709551616"], seed),
        ("simulate", "--port", &["", "-1", "0x10", "65536"], port),
        ("simulate", "--listen", &["", "127.0.0.1", "9000", "127.0.0.1:65536"], "such as 127.0.0.1:9000"),
        ("watch", "--for", &["", "-1s", "5", "1e3s", "99999999999999999999s"], "such as 60s"),
    ];
    for (subcommand, option, values, part) in table {
        for value in values {
            let option = format!("{option}={value}");
            let error = Arguments::try_parse_from(["gemini-ws", subcommand, &option]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{option}");
            assert!(error.to_string().contains(part), "{option}: {error}");
        }
    }
    for option in ["--seed=0", "--seed=18446744073709551615", "--for=0", "--for=18446744073709551615s"] {
        assert!(Arguments::try_parse_from(["gemini-ws", "watch", option]).is_ok(), "{option}");
    }
}
